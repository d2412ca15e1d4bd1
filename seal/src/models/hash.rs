//! The hash of a shape that is data: the same as that of the constant which it was made of.

use super::{
    mix::{self, kind, mix},
    shape::{Object, Rest, Shape},
};

impl Shape {
    /// Returns a hash of the values that the shape accepts: neither the order of fields nor the names of
    /// types count. [`ShapeRef::hash`](super::ShapeRef::hash) is the same at compile time.
    pub fn hash(&self) -> u64 {
        match self {
            Self::Any => kind::ANY,
            Self::Scalar(types) => mix::scalar(*types),
            Self::Values { values, .. } => {
                mix(kind::VALUES, sum(values.iter().map(|v| mix::text(v))))
            }
            Self::Array { item, length } => mix::array(item.hash(), *length),
            Self::Tuple(items) => items.iter().fold(kind::TUPLE, |all, item| mix(all, item.hash())),
            Self::Map(item) => mix(kind::MAP, item.hash()),
            Self::Object(object) => of_object(object),
            Self::Union { alternatives, .. } => {
                mix(kind::UNION, sum(alternatives.values().map(Self::hash)))
            }
            Self::Nullable(shape) => mix(kind::NULLABLE, shape.hash()),
            Self::Recursion(depth) => mix(kind::RECURSION, *depth as u64),
        }
    }
}

fn of_object(object: &Object) -> u64 {
    let fields = object
        .fields
        .iter()
        .map(|(name, field)| mix::field(name, field.is_required, field.shape.hash()));
    let parts = object.parts.values().map(|part| mix(kind::PART, part.hash()));
    let rest = match &object.rest {
        Rest::Open => kind::OPEN,
        Rest::Closed => kind::CLOSED,
        Rest::Of(shape) => mix(kind::REST, shape.hash()),
    };
    mix(rest, sum(fields.chain(parts)))
}

fn sum(hashes: impl Iterator<Item = u64>) -> u64 {
    hashes.fold(0, u64::wrapping_add)
}
