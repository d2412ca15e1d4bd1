//! Types of crates that are in the tree anyway.
//!
//! Chrono's types become strings by themselves. With `bson`'s helpers (`#[serde(with = "…")]`) a
//! `DateTime` becomes a date; then its field says so: `#[model(bson = "date")]`.

use chrono::{DateTime, Month, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Weekday};
use mongrate_seal::models::{ConstShape, ShapeRef, Types};
use uuid::Uuid;

use super::trait_def::{Shaped, of};

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

strings!(NaiveDate, NaiveDateTime, NaiveTime, Month, Weekday);

impl<Tz: TimeZone> Shaped for DateTime<Tz> {
    const SHAPE: ShapeRef = of(&ConstShape::Scalar(Types::STRING));
    const IS_KEY: bool = true;
}

impl Shaped for TimeDelta {
    const SHAPE: ShapeRef =
        of(&ConstShape::Tuple(&[<i64 as Shaped>::SHAPE, <i32 as Shaped>::SHAPE]));
}

/// Binary of the generic subtype; with `bson`'s helper, or as `bson::Uuid`, of the UUID's own.
impl Shaped for Uuid {
    const SHAPE: ShapeRef = of(&ConstShape::Scalar(Types::BINARY));
}

impl Shaped for serde_json::Value {
    const SHAPE: ShapeRef = of(&ConstShape::Any);
}

impl Shaped for serde_json::Map<String, serde_json::Value> {
    const SHAPE: ShapeRef = of(&ConstShape::Map(of(&ConstShape::Any)));
}
