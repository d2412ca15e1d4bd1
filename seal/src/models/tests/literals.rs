//! Defaults that fit, and defaults that do not.

use super::super::{ConstShape, Literal, ShapeRef, Types};

const fn at(shape: &'static ConstShape) -> ShapeRef {
    ShapeRef::new(shape)
}

const INT: ShapeRef = at(&ConstShape::Scalar(Types::INT));
const LONG: ShapeRef = at(&ConstShape::Scalar(Types::LONG));
const DOUBLE: ShapeRef = at(&ConstShape::Scalar(Types::DOUBLE));
const PLAN: ShapeRef = at(&ConstShape::Values { id: "", values: &["free", "pro"] });
const MAYBE: ShapeRef = at(&ConstShape::Nullable(PLAN));
const LIST: ShapeRef = at(&ConstShape::Array { item: INT, length: None });
const PAIR: ShapeRef = at(&ConstShape::Tuple(&[INT, PLAN]));

#[test]
fn a_literal_fits_its_own_shape_alone() {
    const BIG: Literal = Literal::Int(1 << 40);
    for (shape, literal, expected) in [
        (INT, Literal::Int(-5), true),
        (INT, BIG, false),
        (LONG, BIG, true),
        (DOUBLE, Literal::Int(1), false),
        (DOUBLE, Literal::Float, true),
        (INT, Literal::Bool, false),
        (PLAN, Literal::Text("free"), true),
        (PLAN, Literal::Text("fre"), false),
        (PLAN, Literal::Null, false),
        (MAYBE, Literal::Null, true),
        (MAYBE, Literal::Text("pro"), true),
        (LIST, Literal::Array(&[]), true),
        (LIST, Literal::Array(&[Literal::Int(1), Literal::Float]), false),
        (PAIR, Literal::Array(&[Literal::Int(1), Literal::Text("pro")]), true),
        (PAIR, Literal::Array(&[Literal::Int(1)]), false),
    ] {
        assert_eq!(shape.fits(literal), expected, "{literal:?}");
    }
    assert!(!INT.is_document() && at(&ConstShape::Map(INT)).is_document());
    assert!(MAYBE.may_be(Types::NULL) && !MAYBE.may_be(Types::DATE));
}
