//! What the compiler says to each difference: here at run time, as a panic.

use std::panic;

use super::super::{ConstAlternative, ConstField, ConstShape, Shape, ShapeRef, Types, agree};

const fn at(shape: &'static ConstShape) -> ShapeRef {
    ShapeRef::new(shape)
}

const fn field(name: &'static str, shape: ShapeRef) -> ConstField {
    ConstField { name, shape, is_required: true, is_flattened: false, was: &[], default: None }
}

const STRING: ShapeRef = at(&ConstShape::Scalar(Types::STRING));
const INT: ShapeRef = at(&ConstShape::Scalar(Types::INT));

/// Makes a type of these fields, in a document, an array, an option, a union and a flattened field.
macro_rules! user {
    ($name:ident: [$($inner:expr),*] [$($outer:expr),*]) => {
        static $name: ConstShape = {
            static INNER: ConstShape = ConstShape::Object {
                id: "shop::Inner", fields: &[$($inner),*], is_closed: false,
            };
            static UNION: ConstShape = ConstShape::Union {
                id: "shop::Union",
                alternatives: &[
                    ConstAlternative { label: "Inner", shape: at(&INNER) },
                    ConstAlternative { label: "Other", shape: INT },
                ],
            };
            static LIST: ConstShape =
                ConstShape::Array { item: at(&ConstShape::Nullable(at(&UNION))), length: None };
            ConstShape::Object {
                id: "shop::User",
                fields: &[
                    field("list", at(&LIST)),
                    field("me", at(&ConstShape::Nullable(at(&$name)))),
                    $($outer),*
                ],
                is_closed: false,
            }
        };
    };
}

user!(KNOWN: [field("a", INT), field("b", INT)] [field("x", INT)]);

fn said(shape: &'static ConstShape) -> String {
    let known = Shape::from(at(&KNOWN));
    let found = panic::catch_unwind(|| {
        agree(at(shape), known.hash(), &known.listing(), "User");
    });
    match found {
        Ok(()) => String::new(),
        Err(payload) => payload
            .downcast_ref::<String>()
            .cloned()
            .unwrap_or_else(|| (*payload.downcast_ref::<&str>().unwrap()).to_owned()),
    }
}

#[test]
fn the_same_is_silent_and_each_difference_is_named() {
    user!(SAME: [field("b", INT), field("a", INT)] [field("x", INT)]);
    assert_eq!(said(&SAME), "");
    user!(ADDED: [field("a", INT), field("b", INT)] [field("x", INT), field("phone", INT)]);
    assert_eq!(
        said(&ADDED),
        "`User` has a field `phone` that no migration introduces: `cargo mongrate diff add-phone`"
    );
    user!(DEEP: [field("a", INT), field("b", INT), ConstField { is_required: false, ..field("c", INT) }] [field("x", INT)]);
    assert_eq!(
        said(&DEEP),
        "`User` has a field `list[]<Inner>.c` (optional) that no migration introduces: `cargo mongrate \
         diff add-c`"
    );
    user!(GONE: [field("a", INT)] [field("x", INT)]);
    assert_eq!(
        said(&GONE),
        "`User` has no field `list[]<Inner>.b` any more, and no migration removes it: `cargo mongrate \
         diff remove-b`"
    );
    user!(CHANGED: [field("a", INT), field("b", STRING)] [field("x", INT)]);
    assert_eq!(
        said(&CHANGED),
        "`User` has another type for the field `list[]<Inner>.b` and no migration changes it: `cargo \
         mongrate diff change-b`"
    );
    user!(OPTIONAL: [field("a", INT), field("b", INT)] [ConstField { is_required: false, ..field("x", INT) }]);
    assert_eq!(
        said(&OPTIONAL),
        "`User` lets the field `x` be missing, which no migration allows: `cargo mongrate diff relax-x`"
    );
    static CLOSED: ConstShape = ConstShape::Object { id: "", fields: &[], is_closed: true };
    assert!(said(&CLOSED).contains("has no field `list` any more"), "{}", said(&CLOSED));
    static INTEGER: ConstShape = ConstShape::Scalar(Types::INT);
    assert_eq!(
        said(&INTEGER),
        "`User` is not what the migrations lead to: `cargo mongrate diff NAME` writes the migration"
    );
}

/// A path that is too long is cut off, and is no panic of another kind.
#[test]
fn long_names_are_cut_off() {
    static LONG: ConstShape = ConstShape::Object {
        id: "",
        fields: &[field(
            "äääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää\
             äääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää\
             äääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää",
            INT,
        )],
        is_closed: false,
    };
    assert!(!said(&LONG).is_empty());
}
