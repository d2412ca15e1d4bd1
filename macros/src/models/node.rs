//! What a type becomes, as far as its own tokens tell: the types of its fields say the rest.

use mongrate_seal::models::Shape;
use proc_macro2::Span;
use syn::Type;

use super::values::Value;

/// A shape in the making.
pub(super) enum Node {
    /// That of another type.
    Type(Box<Type>),
    /// What the attribute says.
    Fixed(Shape),
    /// One of these strings.
    Values(Vec<String>),
    /// An array with a shape for each element.
    Tuple(Vec<Node>),
    /// A document.
    Object { fields: Vec<FieldNode>, is_closed: bool },
    /// One of these, by the names of the variants.
    Union(Vec<(String, Node)>),
}

/// A field of a document.
pub(super) struct FieldNode {
    /// The name in the document; of a flattened field, the name in the type.
    pub(super) name: String,
    /// The name in the type, if it has another one in the document.
    pub(super) rust_name: Option<String>,
    pub(super) span: Span,
    pub(super) node: Node,
    pub(super) required: Required,
    pub(super) is_flattened: bool,
    pub(super) was: Vec<String>,
    pub(super) default: Option<Value>,
}

/// Whether every document has a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Required {
    Yes,
    No,
    /// Unless serde reads a missing field as a value of its type, as it does for an `Option`.
    ByType,
}

impl FieldNode {
    /// A field without further arguments.
    pub(super) fn new(name: String, span: Span, node: Node, required: Required) -> Self {
        Self {
            name,
            rust_name: None,
            span,
            node,
            required,
            is_flattened: false,
            was: Vec::new(),
            default: None,
        }
    }
}
