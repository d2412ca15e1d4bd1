//! A constant and the data that is made of it are the same shape.

use super::super::{
    ConstAlternative, ConstField, ConstShape, Object, Rest, Shape, ShapeRef, Types,
};

const fn at(shape: &'static ConstShape) -> ShapeRef {
    ShapeRef::new(shape)
}

const fn field(name: &'static str, shape: ShapeRef) -> ConstField {
    ConstField { name, shape, is_required: true, is_flattened: false, was: &[], default: None }
}

const fn flattened(name: &'static str, shape: ShapeRef) -> ConstField {
    ConstField { is_flattened: true, ..field(name, shape) }
}

const STRING: ShapeRef = at(&ConstShape::Scalar(Types::STRING));
const INT: ShapeRef = at(&ConstShape::Scalar(Types::INT));

static ADDRESS: ConstShape = ConstShape::Object {
    id: "shop::Address",
    fields: &[field("street", STRING), ConstField { is_required: false, ..field("zip", INT) }],
    is_closed: true,
};

static NODE: ConstShape = ConstShape::Object {
    id: "shop::Node",
    fields: &[
        field("kids", at(&ConstShape::Array { item: at(&NODE), length: None })),
        field("leaf", at(&LEAF)),
    ],
    is_closed: false,
};

static LEAF: ConstShape = ConstShape::Object {
    id: "shop::Leaf",
    fields: &[field("up", at(&ConstShape::Nullable(at(&NODE)))), field("me", at(&LEAF))],
    is_closed: false,
};

static PAYMENT: ConstShape = ConstShape::Union {
    id: "shop::Payment",
    alternatives: &[
        ConstAlternative { label: "Card", shape: at(&ADDRESS) },
        ConstAlternative { label: "Cash", shape: INT },
    ],
};

static EVERYTHING: ConstShape = ConstShape::Object {
    id: "shop::Everything",
    fields: &[
        field("node", at(&NODE)),
        field("same", at(&ADDRESS)),
        field("again", at(&ConstShape::Nullable(at(&ADDRESS)))),
        field("any", at(&ConstShape::Nullable(at(&ConstShape::Any)))),
        field("twice", at(&ConstShape::Nullable(at(&ConstShape::Nullable(INT))))),
        field("null", at(&ConstShape::Scalar(Types::NULL))),
        field("or_null", at(&ConstShape::Scalar(Types::NULL.or(Types::LONG).or(Types::OBJECT)))),
        field("object", at(&ConstShape::Scalar(Types::OBJECT))),
        field("plan", at(&ConstShape::Values { id: "shop::Plan", values: &["pro", "free"] })),
        field("pair", at(&ConstShape::Tuple(&[INT, STRING]))),
        field("four", at(&ConstShape::Array { item: INT, length: Some(4) })),
        field("map", at(&ConstShape::Map(INT))),
        flattened("flat", at(&ConstShape::Nullable(at(&FLAT)))),
        flattened("payment", at(&PAYMENT)),
        flattened("maybe", at(&ConstShape::Nullable(at(&PAYMENT)))),
    ],
    is_closed: false,
};

static FLAT: ConstShape = ConstShape::Object {
    id: "shop::Flat",
    fields: &[
        field("flat_string", STRING),
        flattened("rest", at(&ConstShape::Map(INT))),
        flattened("payment", at(&PAYMENT)),
    ],
    is_closed: true,
};

/// The compiler folds all of it, circles included.
const HASH: u64 = at(&EVERYTHING).hash();

#[test]
fn the_hash_of_the_constant_is_the_hash_of_the_data() {
    let data = Shape::from(at(&EVERYTHING));
    assert_eq!(data.hash(), HASH);
    for shape in [&ADDRESS, &NODE, &LEAF, &PAYMENT, &FLAT] {
        assert_eq!(Shape::from(at(shape)).hash(), at(shape).hash(), "{shape:?}");
    }
}

/// The hash is in users' builds, next to a file that another version may have written.
#[test]
fn the_hash_and_the_text_are_what_they_were() {
    assert_eq!(Shape::from(at(&ADDRESS)).text(), "object!{street:string,zip?:int}");
    assert_eq!(at(&ADDRESS).hash(), 5_687_173_087_875_698_458);
    assert_eq!(Shape::from(at(&NODE)).text(), "object{kids:[^1],leaf:object{me:^1,up:^2|null}}");
    assert_eq!(at(&NODE).hash(), 9_619_798_331_637_914_951);
}

#[test]
fn flattened_fields_are_fields_of_the_document() {
    let Shape::Object(Object { fields, parts, rest, .. }) = Shape::from(at(&EVERYTHING)) else {
        panic!("it is a document");
    };
    assert!(!fields["flat_string"].is_required, "the whole of `flat` may be missing");
    assert_eq!(parts.keys().collect::<Vec<_>>(), ["maybe", "payment", "payment_"]);
    assert!(matches!(parts["maybe"], Shape::Nullable(_)));
    assert!(matches!(rest, Rest::Of(_)));
}

#[test]
fn order_and_names_do_not_count_and_everything_else_does() {
    static OTHER: ConstShape = ConstShape::Object {
        id: "other::Name",
        fields: &[ConstField { is_required: false, ..field("zip", INT) }, field("street", STRING)],
        is_closed: true,
    };
    assert_eq!(at(&OTHER).hash(), at(&ADDRESS).hash());
    assert!(Shape::from(at(&OTHER)).is_same(&Shape::from(at(&ADDRESS))));
    static OPEN: ConstShape = ConstShape::Object {
        id: "",
        fields: &[ConstField { is_required: false, ..field("zip", INT) }, field("street", STRING)],
        is_closed: false,
    };
    static REQUIRED: ConstShape = ConstShape::Object {
        id: "",
        fields: &[field("zip", INT), field("street", STRING)],
        is_closed: true,
    };
    static RENAMED: ConstShape = ConstShape::Object {
        id: "",
        fields: &[ConstField { is_required: false, ..field("zap", INT) }, field("street", STRING)],
        is_closed: true,
    };
    for other in [&OPEN, &REQUIRED, &RENAMED] {
        assert_ne!(at(other).hash(), at(&ADDRESS).hash(), "{other:?}");
    }
}

/// Paths, as the compiler checks them and as data.
#[test]
fn paths_are_found_through_arrays_options_and_flattened_fields() {
    static ORDER: ConstShape = ConstShape::Object {
        id: "shop::Order",
        fields: &[
            field("lines", at(&ConstShape::Array { item: at(&ADDRESS), length: None })),
            field("to", at(&ConstShape::Nullable(at(&ADDRESS)))),
            field("tags", at(&ConstShape::Map(INT))),
            field("extra", at(&ConstShape::Map(at(&ConstShape::Any)))),
            field("payment", at(&PAYMENT)),
            flattened("flat", at(&FLAT)),
        ],
        is_closed: true,
    };
    const {
        assert!(at(&ORDER).has_path("lines.street"));
        assert!(!at(&ORDER).has_path("lines.streets"));
    }
    let data = Shape::from(at(&ORDER));
    for (path, shape) in [
        ("lines", Some("[object!{street:string,zip?:int}]")),
        ("lines.zip", Some("int")),
        ("lines.0.zip", Some("int")),
        ("to.street", Some("string")),
        ("to.street.x", None),
        ("to.stree", None),
        ("to.streets", None),
        ("tags.x", Some("int")),
        ("tags.x.y", None),
        ("extra.x.y", None),
        ("payment.street", Some("string")),
        ("flat_string", Some("string")),
        ("flat", Some("int")),
        ("", None),
        ("to.", None),
    ] {
        assert_eq!(data.at(path).map(Shape::text).as_deref(), shape, "{path}");
        // Where any field may be, a path is sound; a flattened map takes any name.
        let is_sound = at(&ORDER).has_path(path);
        let may_be_any = path == "extra.x.y";
        assert_eq!(is_sound, shape.is_some() || may_be_any, "{path}");
    }
    for path in ["$**", "to.$**", "lines.$**", "tags.$**"] {
        assert!(at(&ORDER).has_path(path), "{path}");
    }
}
