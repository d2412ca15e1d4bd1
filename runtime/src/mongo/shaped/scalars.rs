//! Types of std whose values are one BSON value each.

use std::{ffi, net, num, path, time};

use mongrate_seal::models::{ConstAlternative, ConstField, ConstShape, ShapeRef, Types};

use super::trait_def::{Shaped, of, scalars};

// Unsigned integers go by the width that holds all their values. Of a `u64` or a `usize` above
// `i64::MAX`, `bson` makes an error when the document is written.
scalars! {
    INT: i8, i16, i32, u8, u16;
    INT: num::NonZeroI8, num::NonZeroI16, num::NonZeroI32, num::NonZeroU8, num::NonZeroU16;
    LONG: i64, isize, u32, u64, usize;
    LONG: num::NonZeroI64, num::NonZeroIsize, num::NonZeroU32, num::NonZeroU64, num::NonZeroUsize;
    DOUBLE: f32, f64;
    BOOL: bool;
    STRING: char;
    NULL: ();
    BINARY: ffi::CStr, ffi::CString;
}

macro_rules! strings {
    ($($type:ty),+) => {
        $(
            impl Shaped for $type {
                const SHAPE: ShapeRef = of(&ConstShape::Scalar(Types::STRING));
                const IS_KEY: bool = true;
            }
        )+
    };
}

strings!(str, String, path::Path, path::PathBuf);

const LONG: ShapeRef = of(&ConstShape::Scalar(Types::LONG));
const INT: ShapeRef = of(&ConstShape::Scalar(Types::INT));

/// A field that serde writes always.
pub(super) const fn field(name: &'static str, shape: ShapeRef) -> ConstField {
    ConstField { name, shape, is_required: true, is_flattened: false, was: &[], default: None }
}

impl Shaped for time::Duration {
    const SHAPE: ShapeRef = {
        static SHAPE: ConstShape = ConstShape::Object {
            id: "std::time::Duration",
            fields: &[field("secs", LONG), field("nanos", LONG)],
            is_closed: false,
        };
        of(&SHAPE)
    };
}

impl Shaped for time::SystemTime {
    const SHAPE: ShapeRef = {
        static SHAPE: ConstShape = ConstShape::Object {
            id: "std::time::SystemTime",
            fields: &[field("secs_since_epoch", LONG), field("nanos_since_epoch", LONG)],
            is_closed: false,
        };
        of(&SHAPE)
    };
}

impl Shaped for net::Ipv4Addr {
    const SHAPE: ShapeRef = of(&ConstShape::Array { item: INT, length: Some(4) });
}

impl Shaped for net::Ipv6Addr {
    const SHAPE: ShapeRef = of(&ConstShape::Array { item: INT, length: Some(16) });
}

impl Shaped for net::SocketAddrV4 {
    const SHAPE: ShapeRef = of(&ConstShape::Tuple(&[<net::Ipv4Addr as Shaped>::SHAPE, INT]));
}

impl Shaped for net::SocketAddrV6 {
    const SHAPE: ShapeRef = of(&ConstShape::Tuple(&[<net::Ipv6Addr as Shaped>::SHAPE, INT]));
}

/// An address of either family, as serde writes an enum.
macro_rules! addresses {
    ($type:ty, $id:literal, $v4:ty, $v6:ty) => {
        impl Shaped for $type {
            const SHAPE: ShapeRef = {
                static V4: ConstShape = ConstShape::Object {
                    id: "",
                    fields: &[field("V4", <$v4 as Shaped>::SHAPE)],
                    is_closed: true,
                };
                static V6: ConstShape = ConstShape::Object {
                    id: "",
                    fields: &[field("V6", <$v6 as Shaped>::SHAPE)],
                    is_closed: true,
                };
                static SHAPE: ConstShape = ConstShape::Union {
                    id: $id,
                    alternatives: &[
                        ConstAlternative { label: "V4", shape: of(&V4) },
                        ConstAlternative { label: "V6", shape: of(&V6) },
                    ],
                };
                of(&SHAPE)
            };
        }
    };
}

addresses!(net::IpAddr, "std::net::IpAddr", net::Ipv4Addr, net::Ipv6Addr);
addresses!(net::SocketAddr, "std::net::SocketAddr", net::SocketAddrV4, net::SocketAddrV6);
