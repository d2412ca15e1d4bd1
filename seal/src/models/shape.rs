//! Shapes as data: what BSON a value of a type becomes.

use std::collections::BTreeMap;

use super::types::Types;

/// What BSON a value of a type becomes.
///
/// Names of types and labels of alternatives are remarks: two shapes that differ in remarks alone accept
/// the same values, and have the same hash. Compare shapes with [`is_same`](Shape::is_same).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Any value.
    Any,
    /// A value of one of these BSON types.
    Scalar(Types),
    /// One of these strings.
    Values {
        /// The name of the type, if it has one.
        name: Option<String>,
        /// The strings, sorted.
        values: Vec<String>,
    },
    /// An array.
    Array {
        /// The shape of each element.
        item: Box<Shape>,
        /// The number of elements, if all arrays have the same.
        length: Option<usize>,
    },
    /// An array with a shape for each element.
    Tuple(Vec<Shape>),
    /// A document with any keys.
    Map(Box<Shape>),
    /// A document.
    Object(Object),
    /// A value of one of these shapes.
    Union {
        /// The name of the type, if it has one.
        name: Option<String>,
        /// The shapes by their labels.
        alternatives: BTreeMap<String, Shape>,
    },
    /// A value of this shape, or null. Never around a shape that takes null anyway.
    Nullable(Box<Shape>),
    /// The shape of an enclosing document or union, counted from 1, the innermost.
    Recursion(usize),
}

/// A document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// The name of the type, if it has one.
    pub name: Option<String>,
    /// The fields by their names in the document.
    pub fields: BTreeMap<String, Field>,
    /// The unions that were flattened into the document, by the names of their fields in the type: the
    /// document also has the fields of one alternative of each.
    pub parts: BTreeMap<String, Shape>,
    /// Which other fields the document has.
    pub rest: Rest,
}

/// Which other fields a document has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rest {
    /// Any.
    #[default]
    Open,
    /// None.
    Closed,
    /// Any with values of this shape: a map was flattened into the document.
    Of(Box<Shape>),
}

/// A field of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The shape of the value.
    pub shape: Shape,
    /// Whether every document has the field.
    pub is_required: bool,
    /// What helps to find the migration. It is in no snapshot.
    pub hints: Hints,
}

/// What the type says about the way to a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// The names that the field had before, the newest first.
    pub was: Vec<String>,
    /// The value for documents that do not have the field, as JSON.
    pub default: Option<String>,
}

impl Field {
    /// A field that every document has.
    pub fn required(shape: Shape) -> Self {
        Self { shape, is_required: true, hints: Hints::default() }
    }

    /// A field that a document may lack.
    pub fn optional(shape: Shape) -> Self {
        Self { shape, is_required: false, hints: Hints::default() }
    }
}

impl Shape {
    /// One of these strings.
    pub fn values<T: Into<String>>(values: impl IntoIterator<Item = T>) -> Self {
        let mut values: Vec<String> = values.into_iter().map(Into::into).collect();
        values.sort();
        values.dedup();
        Self::Values { name: None, values }
    }

    /// An array of any length.
    pub fn array(item: Self) -> Self {
        Self::Array { item: Box::new(item), length: None }
    }

    /// A document with these fields, which may have others.
    pub fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Field)>) -> Self {
        let fields = fields.into_iter().map(|(name, field)| (name.to_owned(), field)).collect();
        Self::Object(Object { fields, ..Object::default() })
    }

    /// A value of one of these BSON types.
    pub fn of_types(types: Types) -> Self {
        let others = types.without(Types::NULL);
        let shape = match () {
            () if others.is_empty() => return Self::Scalar(types),
            () if others == Types::OBJECT => Self::Object(Object::default()),
            () => Self::Scalar(others),
        };
        if types.meets(Types::NULL) { shape.nullable() } else { shape }
    }

    /// This shape, or null.
    pub fn nullable(self) -> Self {
        match self.takes_null() {
            true => self,
            false => Self::Nullable(Box::new(self)),
        }
    }

    /// Whether null is a value of this shape by itself.
    pub fn takes_null(&self) -> bool {
        match self {
            Self::Any | Self::Nullable(_) => true,
            Self::Scalar(types) => types.meets(Types::NULL),
            _ => false,
        }
    }

    /// Returns the shape of the values that are not null.
    pub fn without_null(&self) -> &Self {
        match self {
            Self::Nullable(shape) => shape,
            other => other,
        }
    }

    /// Whether both shapes accept the same values: names and labels do not count.
    pub fn is_same(&self, other: &Self) -> bool {
        self.text() == other.text()
    }

    /// Returns the name of the type, if it has one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Values { name, .. } | Self::Union { name, .. } => name.as_deref(),
            Self::Object(object) => object.name.as_deref(),
            Self::Nullable(shape) => shape.name(),
            _ => None,
        }
    }

    /// Calls the function with this shape and all shapes in it.
    pub fn visit<'a>(&'a self, see: &mut impl FnMut(&'a Self)) {
        see(self);
        match self {
            Self::Any | Self::Scalar(_) | Self::Values { .. } | Self::Recursion(_) => {}
            Self::Array { item, .. } => item.visit(see),
            Self::Map(item) | Self::Nullable(item) => item.visit(see),
            Self::Tuple(items) => items.iter().for_each(|item| item.visit(see)),
            Self::Union { alternatives, .. } => {
                alternatives.values().for_each(|shape| shape.visit(see));
            }
            Self::Object(object) => {
                object.fields.values().for_each(|field| field.shape.visit(see));
                object.parts.values().for_each(|part| part.visit(see));
                if let Rest::Of(shape) = &object.rest {
                    shape.visit(see);
                }
            }
        }
    }

    /// Returns the same shape without hints, as a snapshot holds it.
    #[must_use]
    pub fn without_hints(mut self) -> Self {
        self.drop_hints();
        self
    }

    fn drop_hints(&mut self) {
        match self {
            Self::Any | Self::Scalar(_) | Self::Values { .. } | Self::Recursion(_) => {}
            Self::Array { item, .. } => item.drop_hints(),
            Self::Map(item) | Self::Nullable(item) => item.drop_hints(),
            Self::Tuple(items) => items.iter_mut().for_each(Self::drop_hints),
            Self::Union { alternatives, .. } => {
                alternatives.values_mut().for_each(Self::drop_hints);
            }
            Self::Object(object) => {
                for field in object.fields.values_mut() {
                    field.hints = Hints::default();
                    field.shape.drop_hints();
                }
                object.parts.values_mut().for_each(Self::drop_hints);
                if let Rest::Of(shape) = &mut object.rest {
                    shape.drop_hints();
                }
            }
        }
    }
}
