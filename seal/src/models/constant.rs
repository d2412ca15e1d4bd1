//! Shapes as the compiler sees them: constants that refer to each other, and may do so in circles.

use super::types::Types;

/// What BSON a value of a type becomes, as a constant.
#[derive(Debug)]
pub enum ConstShape {
    /// Any value.
    Any,
    /// A value of one of these BSON types.
    Scalar(Types),
    /// One of these strings.
    Values {
        /// The path of the type, as `shop::Plan`; empty if it has none.
        id: &'static str,
        /// The strings.
        values: &'static [&'static str],
    },
    /// An array.
    Array {
        /// The shape of each element.
        item: ShapeRef,
        /// The number of elements, if all arrays have the same.
        length: Option<usize>,
    },
    /// An array with a shape for each element.
    Tuple(&'static [ShapeRef]),
    /// A document with any keys.
    Map(ShapeRef),
    /// A document.
    Object {
        /// The path of the type, as `shop::User`; empty if it has none.
        id: &'static str,
        /// The fields.
        fields: &'static [ConstField],
        /// Whether the document has no other fields.
        is_closed: bool,
    },
    /// A value of one of these shapes.
    Union {
        /// The path of the type; empty if it has none.
        id: &'static str,
        /// The shapes.
        alternatives: &'static [ConstAlternative],
    },
    /// A value of this shape, or null.
    Nullable(ShapeRef),
}

/// A field, as a constant.
#[derive(Debug)]
pub struct ConstField {
    /// The name in the document. Of a flattened field: the name in the type.
    pub name: &'static str,
    /// The shape of the value.
    pub shape: ShapeRef,
    /// Whether every document has the field.
    pub is_required: bool,
    /// Whether the fields of the value are fields of this document.
    pub is_flattened: bool,
    /// The names that the field had before.
    pub was: &'static [&'static str],
    /// The value for documents that do not have the field, as JSON.
    pub default: Option<&'static str>,
}

/// A shape in a union, as a constant.
#[derive(Debug)]
pub struct ConstAlternative {
    /// The name in the type: the shape does not depend on it.
    pub label: &'static str,
    /// The shape.
    pub shape: ShapeRef,
}

/// A reference to a shape.
///
/// It is no plain reference, because the compiler looks through a reference while it computes a constant:
/// a type that contains itself would be a circle (E0391). It does not look through a pointer.
#[derive(Clone, Copy, Debug)]
pub struct ShapeRef(*const ConstShape);

// SAFETY: the pointer comes from a `&'static` of a type that is `Sync`, and gives only that.
#[allow(unsafe_code)]
unsafe impl Sync for ShapeRef {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Send for ShapeRef {}

impl ShapeRef {
    /// Refers to a shape.
    pub const fn new(shape: &'static ConstShape) -> Self {
        Self(shape)
    }

    /// Returns the shape.
    #[allow(unsafe_code)]
    pub const fn get(self) -> &'static ConstShape {
        // SAFETY: `new` is alone in making it, of a `&'static`.
        unsafe { &*self.0 }
    }
}

/// Whether two strings are equal, for constants.
pub(super) const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = one.len();
    // From the end: paths of one crate begin alike.
    while at > 0 {
        at -= 1;
        if one[at] != other[at] {
            return false;
        }
    }
    true
}
