//! The fields of a shape with their hashes, for the compiler's check (`agree`).

use std::fmt::Write as _;

use super::shape::{Object, Shape};

impl Shape {
    /// Returns a line for each field: its path, `1` if every document has it, and its hash.
    pub fn listing(&self) -> String {
        let mut text = String::new();
        list(self, "", &mut text);
        text
    }
}

fn list(shape: &Shape, path: &str, text: &mut String) {
    match shape {
        Shape::Any | Shape::Scalar(_) | Shape::Values { .. } | Shape::Recursion(_) => {}
        Shape::Nullable(inner) => list(inner, path, text),
        Shape::Array { item, .. } => list(item, &format!("{path}[]"), text),
        Shape::Map(item) => list(item, &format!("{path}{{}}"), text),
        Shape::Tuple(items) => {
            for (at, item) in items.iter().enumerate() {
                list(item, &format!("{path}[{at}]"), text);
            }
        }
        Shape::Union { alternatives, .. } => {
            for (label, each) in alternatives {
                list(each, &format!("{path}<{label}>"), text);
            }
        }
        Shape::Object(object) => list_fields(object, path, text),
    }
}

fn list_fields(object: &Object, path: &str, text: &mut String) {
    let dot = if path.is_empty() { "" } else { "." };
    for (name, field) in &object.fields {
        let path = format!("{path}{dot}{name}");
        let _ =
            writeln!(text, "{path}\t{} {:016x}", u8::from(field.is_required), field.shape.hash());
        list(&field.shape, &path, text);
    }
}
