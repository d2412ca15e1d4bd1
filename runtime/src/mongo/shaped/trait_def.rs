//! The trait of a type that is a field of a model.

use mongrate_seal::models::{ConstShape, ShapeRef};

/// A type whose values become BSON of a known shape.
///
/// [`Model`](macro@crate::Model) derives it, and Mongrate has it for the types of std and of `bson`. A type
/// from another crate needs no implementation if its field says what it becomes, as
/// `#[model(bson = "decimal")]`. A type with a hand-written `Serialize` may implement it:
///
/// ```
/// use mongrate::{Shaped, models::{ConstShape, ShapeRef, Types}};
/// use serde::{Serialize, Serializer};
///
/// struct Percent(u8);
///
/// impl Serialize for Percent {
///     fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
///         to.serialize_str(&format!("{} %", self.0))
///     }
/// }
///
/// impl Shaped for Percent {
///     const SHAPE: ShapeRef = ShapeRef::new(&ConstShape::Scalar(Types::STRING));
/// }
///
/// assert_eq!(mongrate::models::Shape::from(Percent::SHAPE).text(), "string");
/// ```
#[diagnostic::on_unimplemented(
    message = "Mongrate does not know what BSON a `{Self}` becomes",
    label = "this type is no model",
    note = "if the type is yours, derive `mongrate::Model` for it",
    note = "otherwise say on the field what BSON its values are: `#[model(bson = \"string\")]`",
    note = "BSON has no integers of 128 bits: `i128` and `u128` cannot be written"
)]
pub trait Shaped {
    /// The shape of the values.
    const SHAPE: ShapeRef;

    /// Whether serde reads a missing field as a value of this type, as it does for an `Option`.
    #[doc(hidden)]
    const IS_OPTIONAL: bool = false;

    /// Whether a value may be the key of a map: `bson` takes strings only.
    #[doc(hidden)]
    const IS_KEY: bool = false;
}

/// A type whose values are the documents of a collection: a type with `#[derive(mongrate::Model)]` and
/// `#[model(collection = "…")]`.
///
/// ```
/// use mongrate::Model;
///
/// #[derive(serde::Serialize, Model)]
/// #[model(collection = "rooms", validate = "strict")]
/// struct Room {
///     number: i32,
///     guest: Option<String>,
/// }
///
/// assert_eq!(Room::COLLECTION, "rooms");
/// assert_eq!(mongrate::models::Shape::from(<Room as mongrate::Shaped>::SHAPE).text(), "object{guest?:string|null,number:int}");
/// ```
pub trait Model: Shaped {
    /// The name of the collection.
    const COLLECTION: &'static str;
}

/// Makes a shape of constants.
pub(super) const fn of(shape: &'static ConstShape) -> ShapeRef {
    ShapeRef::new(shape)
}

/// The shapes of types whose values are one BSON value each: `LONG: i64, u32;`.
macro_rules! scalars {
    ($($types:ident: $($type:ty),+;)*) => {
        $($(
            impl Shaped for $type {
                const SHAPE: ShapeRef = of(&ConstShape::Scalar(Types::$types));
            }
        )+)*
    };
}
pub(super) use scalars;
