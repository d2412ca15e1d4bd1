//! Defaults: literals in the attribute, which must fit the shape of their field.

use super::{
    constant::{ConstShape, ShapeRef, same},
    types::Types,
};

/// A literal, as a constant.
#[derive(Clone, Copy, Debug)]
pub enum Literal {
    /// Null.
    Null,
    /// A boolean.
    Bool,
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float,
    /// A string.
    Text(&'static str),
    /// An array.
    Array(&'static [Literal]),
}

impl ShapeRef {
    /// Whether the literal is a value of this shape, at compile time.
    pub const fn fits(self, literal: Literal) -> bool {
        fits(self.get(), literal)
    }

    /// Whether all values are documents, at compile time.
    pub const fn is_document(self) -> bool {
        match self.get() {
            ConstShape::Object { .. } | ConstShape::Map(_) => true,
            ConstShape::Any => true,
            ConstShape::Scalar(types) => types.without(Types::OBJECT).is_empty(),
            ConstShape::Union { alternatives, .. } => {
                let mut at = 0;
                while at < alternatives.len() {
                    if !alternatives[at].shape.is_document() {
                        return false;
                    }
                    at += 1;
                }
                true
            }
            _ => false,
        }
    }

    /// Whether one of the values is of one of these types, at compile time.
    pub const fn may_be(self, types: Types) -> bool {
        match self.get() {
            ConstShape::Any => true,
            ConstShape::Scalar(own) => own.meets(types),
            ConstShape::Nullable(inner) => types.meets(Types::NULL) || inner.may_be(types),
            ConstShape::Values { .. } => types.meets(Types::STRING),
            ConstShape::Array { .. } | ConstShape::Tuple(_) => types.meets(Types::ARRAY),
            ConstShape::Map(_) | ConstShape::Object { .. } => types.meets(Types::OBJECT),
            ConstShape::Union { alternatives, .. } => {
                let mut at = 0;
                while at < alternatives.len() {
                    if alternatives[at].shape.may_be(types) {
                        return true;
                    }
                    at += 1;
                }
                false
            }
        }
    }
}

const fn fits(shape: &'static ConstShape, literal: Literal) -> bool {
    match (shape, literal) {
        (ConstShape::Any, _) | (ConstShape::Nullable(_), Literal::Null) => true,
        (ConstShape::Nullable(inner), _) => fits(inner.get(), literal),
        (ConstShape::Union { alternatives, .. }, _) => {
            let mut at = 0;
            while at < alternatives.len() {
                if fits(alternatives[at].shape.get(), literal) {
                    return true;
                }
                at += 1;
            }
            false
        }
        (ConstShape::Scalar(types), Literal::Null) => types.meets(Types::NULL),
        (ConstShape::Scalar(types), Literal::Bool) => types.meets(Types::BOOL),
        (ConstShape::Scalar(types), Literal::Float) => types.meets(Types::DOUBLE),
        (ConstShape::Scalar(types), Literal::Text(_)) => types.meets(Types::STRING),
        (ConstShape::Scalar(types), Literal::Int(number)) => {
            types.meets(Types::LONG)
                || types.meets(Types::INT) && number >= i32::MIN as i64 && number <= i32::MAX as i64
        }
        (ConstShape::Values { values, .. }, Literal::Text(text)) => {
            let mut at = 0;
            while at < values.len() {
                if same(values[at], text) {
                    return true;
                }
                at += 1;
            }
            false
        }
        (ConstShape::Scalar(types), Literal::Array(_)) => types.meets(Types::ARRAY),
        (ConstShape::Array { item, length }, Literal::Array(items)) => {
            let mut at = 0;
            while at < items.len() {
                if !fits(item.get(), items[at]) {
                    return false;
                }
                at += 1;
            }
            match length {
                Some(length) => *length == items.len(),
                None => true,
            }
        }
        (ConstShape::Tuple(shapes), Literal::Array(items)) => {
            let mut at = 0;
            while at < items.len() && at < shapes.len() {
                if !fits(shapes[at].get(), items[at]) {
                    return false;
                }
                at += 1;
            }
            shapes.len() == items.len()
        }
        _ => false,
    }
}
