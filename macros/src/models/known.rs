//! What the tokens of a type tell of its shape: enough to name a difference at its field. The compiler
//! knows the rest.

use mongrate_seal::models::{Shape, Types};
use syn::Type;

use super::{fields::last, node::Node};

/// Returns the shape of a field, if its tokens leave no doubt.
pub(super) fn shape_of(node: &Node) -> Option<Shape> {
    match node {
        Node::Type(ty) => of_type(ty),
        Node::Fixed(shape) => Some(shape.clone()),
        Node::Values(values) => Some(Shape::values(values.iter().map(String::as_str))),
        Node::Tuple(_) | Node::Object { .. } | Node::Union(_) => None,
    }
}

/// Only names that hardly any crate gives to types of its own.
fn of_type(ty: &Type) -> Option<Shape> {
    if let Type::Reference(reference) = ty {
        return of_type(&reference.elem);
    }
    let Type::Path(path) = ty else { return None };
    if path.qself.is_some() || path.path.segments.len() != 1 {
        return None;
    }
    let (name, arguments) = last(ty)?;
    let types = match (name.as_str(), arguments.as_slice()) {
        ("String" | "str" | "char", []) => Types::STRING,
        ("i8" | "i16" | "i32" | "u8" | "u16", []) => Types::INT,
        ("i64" | "isize" | "u32" | "u64" | "usize", []) => Types::LONG,
        ("f32" | "f64", []) => Types::DOUBLE,
        ("bool", []) => Types::BOOL,
        ("ObjectId", []) => Types::OBJECT_ID,
        ("Option", [inside]) => return of_type(inside).map(Shape::nullable),
        ("Vec", [inside]) => return of_type(inside).map(Shape::array),
        ("Box", [inside]) => return of_type(inside),
        _ => return None,
    };
    Some(Shape::Scalar(types))
}

/// Whether a missing field is read as a value of the type, if the tokens leave no doubt.
pub(super) fn is_optional(ty: &Type) -> Option<bool> {
    match last(ty) {
        Some((name, arguments)) if name == "Option" && arguments.len() == 1 => Some(true),
        _ => of_type(ty).map(|_| false),
    }
}
