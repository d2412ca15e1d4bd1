//! Random values, from a seed.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    hash::Hash,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chrono::{NaiveDate, TimeZone as _, Utc};
use fastrand::Rng;
use mongrate::bson::{
    Binary, Bson, DateTime, Decimal128, Document, Timestamp, Uuid, doc, oid::ObjectId,
    spec::BinarySubtype,
};

/// How deep a value that contains values of its own type may be.
const DEPTH_MAX: usize = 4;

/// A source of random values.
pub struct Source {
    pub rng: Rng,
    pub depth: usize,
}

impl Source {
    pub fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), depth: 0 }
    }

    /// The length of a list; lists in lists are short, and end.
    fn length(&mut self) -> usize {
        self.rng.usize(0..4usize.saturating_sub(self.depth.min(DEPTH_MAX)).max(1))
    }

    fn deeper<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        self.depth += 1;
        let made = make(self);
        self.depth -= 1;
        made
    }
}

/// A type with random values.
pub trait Arbitrary: Sized {
    fn any(source: &mut Source) -> Self;
}

macro_rules! numbers {
    ($($type:ident),*) => {
        $(impl Arbitrary for $type {
            fn any(source: &mut Source) -> Self {
                match source.rng.u8(0..4) {
                    0 => $type::MIN,
                    1 => $type::MAX,
                    2 => 1 as $type,
                    _ => source.rng.$type(..),
                }
            }
        })*
    };
}

numbers!(i8, i16, i32, i64, isize, u8, u16, u32);

/// Above `i64::MAX`, `bson` refuses to write it.
impl Arbitrary for u64 {
    fn any(source: &mut Source) -> Self {
        i64::any(source).unsigned_abs().min(i64::MAX.unsigned_abs())
    }
}

impl Arbitrary for usize {
    fn any(source: &mut Source) -> Self {
        usize::try_from(u64::any(source)).unwrap()
    }
}

impl Arbitrary for f64 {
    fn any(source: &mut Source) -> Self {
        [0.0, -1.5, f64::MAX, f64::INFINITY, f64::NAN, 3.0][source.rng.usize(0..6)]
    }
}

impl Arbitrary for f32 {
    fn any(source: &mut Source) -> Self {
        source.rng.f32()
    }
}

impl Arbitrary for bool {
    fn any(source: &mut Source) -> Self {
        source.rng.bool()
    }
}

impl Arbitrary for char {
    fn any(source: &mut Source) -> Self {
        source.rng.char(..)
    }
}

impl Arbitrary for String {
    fn any(source: &mut Source) -> Self {
        ["", "a", "größer", "$x", "a.b", "free"][source.rng.usize(0..6)].to_owned()
    }
}

impl Arbitrary for () {
    fn any(_: &mut Source) -> Self {}
}

impl Arbitrary for Cow<'static, str> {
    fn any(source: &mut Source) -> Self {
        String::any(source).into()
    }
}

impl<T: Arbitrary> Arbitrary for Option<T> {
    fn any(source: &mut Source) -> Self {
        (source.depth < DEPTH_MAX && source.rng.bool()).then(|| source.deeper(T::any))
    }
}

macro_rules! boxes {
    ($($type:ident),*) => {
        $(impl<T: Arbitrary> Arbitrary for $type<T> {
            fn any(source: &mut Source) -> Self {
                $type::new(T::any(source))
            }
        })*
    };
}

boxes!(Box);

impl Arbitrary for Box<str> {
    fn any(source: &mut Source) -> Self {
        String::any(source).into()
    }
}

macro_rules! lists {
    ($($type:ty: $($bound:path),*;)*) => {
        $(impl<T: Arbitrary $(+ $bound)*> Arbitrary for $type {
            fn any(source: &mut Source) -> Self {
                let length = source.length();
                source.deeper(|source| (0..length).map(|_| T::any(source)).collect())
            }
        })*
    };
}

lists! {
    Vec<T>: ;
    VecDeque<T>: ;
    BTreeSet<T>: Ord;
    HashSet<T>: Hash, Eq;
}

impl<K: Arbitrary + Ord, V: Arbitrary> Arbitrary for BTreeMap<K, V> {
    fn any(source: &mut Source) -> Self {
        let length = source.length();
        source.deeper(|source| (0..length).map(|_| (K::any(source), V::any(source))).collect())
    }
}

impl<K: Arbitrary + Hash + Eq, V: Arbitrary> Arbitrary for HashMap<K, V> {
    fn any(source: &mut Source) -> Self {
        let length = source.length();
        source.deeper(|source| (0..length).map(|_| (K::any(source), V::any(source))).collect())
    }
}

impl<T: Arbitrary, const N: usize> Arbitrary for [T; N] {
    fn any(source: &mut Source) -> Self {
        std::array::from_fn(|_| T::any(source))
    }
}

impl<A: Arbitrary, B: Arbitrary> Arbitrary for (A, B) {
    fn any(source: &mut Source) -> Self {
        (A::any(source), B::any(source))
    }
}

impl<A: Arbitrary, B: Arbitrary, C: Arbitrary> Arbitrary for (A, B, C) {
    fn any(source: &mut Source) -> Self {
        (A::any(source), B::any(source), C::any(source))
    }
}

macro_rules! values {
    ($($type:ty: $source:ident => $value:expr;)*) => {
        $(impl Arbitrary for $type {
            fn any($source: &mut Source) -> Self {
                $value
            }
        })*
    };
}

values! {
    ObjectId: _source => ObjectId::new();
    DateTime: source => DateTime::from_millis(i64::from(source.rng.i32(..)) * 1_000);
    Decimal128: _source => "12.50".parse().unwrap();
    Timestamp: source => Timestamp { time: source.rng.u32(..), increment: 1 };
    Binary: source => {
        let subtype = [BinarySubtype::Generic, BinarySubtype::Md5][source.rng.usize(0..2)];
        Binary { subtype, bytes: vec![1; 16] }
    };
    Uuid: _source => Uuid::new();
    uuid::Uuid: source => uuid::Uuid::from_u128(source.rng.u128(..));
    Document: source => doc! { "x": source.rng.i32(..) };
    Bson: source => [Bson::Null, Bson::Int32(1), Bson::MaxKey, Bson::Array(vec![])][source.rng.usize(0..4)].clone();
    serde_json::Value: source => serde_json::json!([1, source.rng.bool(), null]);
    chrono::DateTime<Utc>: source => Utc.timestamp_opt(i64::from(source.rng.i32(..)), 0).unwrap();
    NaiveDate: source => NaiveDate::from_ymd_opt(source.rng.i32(1..3000), 2, 28).unwrap();
    chrono::TimeDelta: source => chrono::TimeDelta::milliseconds(source.rng.i64(..) >> 20);
    Duration: source => Duration::from_nanos(source.rng.u64(..));
    SystemTime: source => UNIX_EPOCH + Duration::from_millis(source.rng.u32(..).into());
    IpAddr: source => match source.rng.bool() {
        true => Ipv4Addr::LOCALHOST.into(),
        false => Ipv6Addr::LOCALHOST.into(),
    };
    std::path::PathBuf: _source => "/tmp/x".into();
    std::num::NonZeroU32: source => source.rng.u32(1..).try_into().unwrap();
    std::ops::Range<i32>: source => source.rng.i32(..)..7;
    std::num::Wrapping<i16>: source => std::num::Wrapping(source.rng.i16(..));
    std::marker::PhantomData<String>: _source => std::marker::PhantomData;
    std::sync::Mutex<i32>: source => source.rng.i32(..).into();
}

/// Declares types that are models, with random values.
#[macro_export]
macro_rules! models {
    () => {};
    ($(#[$about:meta])* struct $name:ident $(<$param:ident>)? {
        $($(#[$field_about:meta])* $field:ident: $type:ty),* $(,)?
    } $($rest:tt)*) => {
        #[derive(Serialize, mongrate::Model)]
        $(#[$about])*
        pub struct $name $(<$param>)? {
            $($(#[$field_about])* $field: $type),*
        }
        impl $(<$param: Arbitrary>)? Arbitrary for $name $(<$param>)? {
            #[allow(unused_variables)]
            fn any(source: &mut Source) -> Self {
                Self { $($field: Arbitrary::any(source)),* }
            }
        }
        $crate::models! { $($rest)* }
    };
    ($(#[$about:meta])* struct $name:ident ( $($(#[$field_about:meta])* $type:ty),* ); $($rest:tt)*) => {
        #[derive(Serialize, mongrate::Model)]
        $(#[$about])*
        pub struct $name($($(#[$field_about])* $type),*);
        impl Arbitrary for $name {
            fn any(source: &mut Source) -> Self {
                Self($(<$type as Arbitrary>::any(source)),*)
            }
        }
        $crate::models! { $($rest)* }
    };
    ($(#[$about:meta])* enum $name:ident {
        $($(#[$variant_about:meta])* $variant:ident
            $(( $($(#[$field_about:meta])* $type:ty),* ))?
            $({ $($(#[$named_about:meta])* $field:ident: $named:ty),* $(,)? })?
        ),* $(,)?
    } $($rest:tt)*) => {
        #[derive(Serialize, mongrate::Model)]
        $(#[$about])*
        pub enum $name {
            $($(#[$variant_about])* $variant
                $(( $($(#[$field_about])* $type),* ))?
                $({ $($(#[$named_about])* $field: $named),* })?
            ),*
        }
        impl Arbitrary for $name {
            fn any(source: &mut Source) -> Self {
                let all: &[fn(&mut Source) -> Self] = &[$(|source| {
                    let _ = &source;
                    $name::$variant
                        $(( $(<$type as Arbitrary>::any(source)),* ))?
                        $({ $($field: <$named as Arbitrary>::any(source)),* })?
                }),*];
                // The first variant ends a type that contains itself.
                let count = if source.depth > 6 { 1 } else { all.len() };
                let at = source.rng.usize(0..count);
                source.depth += 1;
                let made = all[at](source);
                source.depth -= 1;
                made
            }
        }
        $crate::models! { $($rest)* }
    };
}
