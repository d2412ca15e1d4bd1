//! The `$jsonSchema` of each kind of shape. A real server judges them in the repository's tests.

use std::collections::BTreeMap;

use super::super::{Field, Json, Object, Rest, Shape, Types};

fn schema(shape: &Shape) -> String {
    shape.json_schema().to_string()
}

#[test]
fn each_kind_has_its_schema() {
    let int = || Shape::Scalar(Types::INT);
    for (shape, expected) in [
        (Shape::Any, "{}"),
        (int(), r#"{"bsonType":"int"}"#),
        (int().nullable(), r#"{"bsonType":["null","int"]}"#),
        (Shape::values(["b", "a"]), r#"{"enum":["a","b"]}"#),
        (Shape::values(["a"]).nullable(), r#"{"enum":["a",null]}"#),
        (Shape::array(int()), r#"{"bsonType":"array","items":{"bsonType":"int"}}"#),
        (Shape::array(Shape::Any).nullable(), r#"{"bsonType":["array","null"]}"#),
        (
            Shape::Array { item: Box::new(Shape::Any), length: Some(2) },
            r#"{"bsonType":"array","minItems":2,"maxItems":2}"#,
        ),
        (
            Shape::Tuple(vec![int(), Shape::Any]),
            r#"{"bsonType":"array","items":[{"bsonType":"int"},{}],"minItems":2,"maxItems":2}"#,
        ),
        (
            Shape::Map(Box::new(int())),
            r#"{"bsonType":"object","additionalProperties":{"bsonType":"int"}}"#,
        ),
        (
            Shape::object([
                ("a", Field::required(int())),
                ("b", Field::optional(int().nullable())),
            ]),
            r#"{"bsonType":"object","required":["a"],"properties":{"a":{"bsonType":"int"},"b":{"bsonType":["null","int"]}}}"#,
        ),
    ] {
        assert_eq!(schema(&shape), expected);
    }
}

#[test]
fn a_closed_document_keeps_its_id() {
    let closed = Shape::Object(Object { rest: Rest::Closed, ..Object::default() });
    assert_eq!(schema(&closed), r#"{"bsonType":"object","additionalProperties":false}"#);
    assert_eq!(
        closed.root_schema().to_string(),
        r#"{"bsonType":"object","properties":{"_id":{}},"additionalProperties":false}"#
    );
}

#[test]
fn a_type_in_itself_is_written_out_twice_and_then_open() {
    let node = Shape::object([("kids", Field::required(Shape::array(Shape::Recursion(1))))]);
    let text = schema(&node);
    assert_eq!(text.matches("\"kids\":").count(), 3, "{text}");
    assert!(text.contains(r#""items":{"bsonType":"object"}"#), "{text}");
    assert_eq!(schema(&Shape::Recursion(7)), "{}", "whatever a file holds");
}

#[test]
fn a_flattened_union_is_written_out_by_its_alternatives() {
    let one = |name: &str| Shape::object([(name, Field::required(Shape::Any))]);
    let alternatives = BTreeMap::from([("A".to_owned(), one("a")), ("B".to_owned(), one("b"))]);
    let union = Shape::Union { name: None, alternatives };
    let part = |shape| BTreeMap::from([("part".to_owned(), shape)]);
    let object = Object { rest: Rest::Closed, parts: part(union.clone()), ..Object::default() };
    let Some(Json::Array(all)) = Shape::Object(object.clone()).json_schema().get("anyOf").cloned()
    else {
        panic!("alternatives");
    };
    assert_eq!(all.len(), 2);
    assert!(all[0].to_string().contains(r#""required":["a"]"#), "{}", all[0]);
    let maybe = Object { parts: part(union.nullable()), ..object };
    let schema = Shape::Object(maybe).json_schema();
    assert!(matches!(schema.get("anyOf"), Some(Json::Array(all)) if all.len() == 3), "{schema}");
}
