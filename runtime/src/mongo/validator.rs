//! Compares validators: two `$jsonSchema`s are equal here if they accept the same documents for a
//! reason that shows in their text. Pure.

use mongodb::bson::{Bson, Document};

use super::options::alike;

/// Keywords of a schema whose value is a set: one value, or an array in any order.
const SETS: [&str; 4] = ["bsonType", "enum", "required", "type"];

/// Keywords of a schema that say nothing about documents.
const REMARKS: [&str; 2] = ["description", "title"];

/// Keywords whose value maps names to schemas.
const MAPS: [&str; 2] = ["patternProperties", "properties"];

/// Keywords whose value is an array of schemas, in any order.
const ALTERNATIVES: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// Keywords whose value is a schema, or an array of schemas in their order.
const SCHEMAS: [&str; 4] = ["additionalItems", "additionalProperties", "items", "not"];

/// The most paths of a difference that are named.
const PATHS_MAX: usize = 20;

/// The paths at which two validators differ, within the schema if both are schemas: `required`,
/// `properties.age.bsonType`. Empty if they accept the same documents, as far as their texts tell.
pub(crate) fn differences(found: &Document, wanted: &Document) -> Vec<String> {
    let mut paths = Vec::new();
    match (found.get_document("$jsonSchema"), wanted.get_document("$jsonSchema")) {
        (Ok(one), Ok(other)) if found.len() == 1 && wanted.len() == 1 => {
            differing(&schema(one), &schema(other), "", &mut paths);
        }
        _ => differing(found, wanted, "", &mut paths),
    }
    paths
}

fn differing(found: &Document, wanted: &Document, prefix: &str, paths: &mut Vec<String>) {
    let mut names: Vec<&String> = wanted.keys().collect();
    names.extend(found.keys().filter(|name| !wanted.contains_key(name.as_str())));
    for name in names {
        let path = format!("{prefix}{name}");
        match (found.get(name), wanted.get(name)) {
            (Some(Bson::Document(found)), Some(Bson::Document(wanted))) => {
                differing(found, wanted, &format!("{path}."), paths);
            }
            (Some(found), Some(wanted)) if alike(Some(found), Some(wanted)) => {}
            _ if paths.len() < PATHS_MAX => paths.push(path),
            _ => return,
        }
    }
}

/// The schema in one of its notations: sorted, without remarks.
fn schema(document: &Document) -> Document {
    let mut fields: Vec<(String, Bson)> = document
        .iter()
        .filter(|(key, _)| !REMARKS.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), keyword(key, value)))
        .collect();
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    fields.into_iter().collect()
}

fn keyword(key: &str, value: &Bson) -> Bson {
    match value {
        Bson::Array(items) if SETS.contains(&key) => {
            let mut items = items.clone();
            items.sort_by_key(ToString::to_string);
            items.dedup();
            Bson::Array(items)
        }
        value if SETS.contains(&key) => Bson::Array(vec![value.clone()]),
        Bson::Document(map) if MAPS.contains(&key) => {
            let mut fields: Vec<(String, Bson)> =
                map.iter().map(|(name, value)| (name.clone(), nested(value))).collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            Bson::Document(fields.into_iter().collect())
        }
        Bson::Array(items) if ALTERNATIVES.contains(&key) => {
            let mut items: Vec<Bson> = items.iter().map(nested).collect();
            items.sort_by_key(ToString::to_string);
            Bson::Array(items)
        }
        Bson::Array(items) if SCHEMAS.contains(&key) => {
            Bson::Array(items.iter().map(nested).collect())
        }
        value if SCHEMAS.contains(&key) => nested(value),
        value => value.clone(),
    }
}

fn nested(value: &Bson) -> Bson {
    match value {
        Bson::Document(document) => Bson::Document(schema(document)),
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    fn same(one: Document, other: Document) -> bool {
        paths(one, other).is_empty()
    }

    fn paths(one: Document, other: Document) -> Vec<String> {
        differences(&doc! { "$jsonSchema": one }, &doc! { "$jsonSchema": other })
    }

    #[test]
    fn notation_does_not_count() {
        assert!(same(
            doc! {
                "required": ["a", "b"], "bsonType": "object", "title": "User",
                "properties": { "b": { "bsonType": ["int", "long"] }, "a": { "enum": ["x", "y"] } },
            },
            doc! {
                "bsonType": ["object"], "required": ["b", "a"],
                "properties": {
                    "a": { "enum": ["y", "x"], "description": "one of two" },
                    "b": { "bsonType": ["long", "int"] },
                },
            },
        ));
        assert!(same(
            doc! { "anyOf": [{ "minItems": 1 }, { "bsonType": "null" }] },
            doc! { "anyOf": [{ "bsonType": "null" }, { "minItems": 1_i64 }] },
        ));
    }

    #[test]
    fn a_difference_is_named_by_its_path() {
        let found = paths(
            doc! { "properties": { "age": { "bsonType": "int" } }, "required": ["age"] },
            doc! { "properties": { "age": { "bsonType": "long" }, "name": {} } },
        );
        assert_eq!(found, ["properties.age.bsonType", "properties.name", "required"]);
    }

    #[test]
    fn what_documents_are_accepted_counts() {
        for (one, other) in [
            (doc! { "required": ["a"] }, doc! { "required": ["a", "b"] }),
            (doc! { "bsonType": "int" }, doc! { "bsonType": ["int", "long"] }),
            (doc! { "properties": { "title": {} } }, doc! { "properties": {} }),
            (
                doc! { "items": [{ "bsonType": "int" }, {}] },
                doc! { "items": [{}, { "bsonType": "int" }] },
            ),
            (doc! { "additionalProperties": false }, doc! {}),
            (
                doc! { "properties": { "a": { "items": { "required": ["x"] } } } },
                doc! { "properties": { "a": { "items": { "required": ["y"] } } } },
            ),
        ] {
            assert!(!same(one.clone(), other.clone()), "{one} {other}");
        }
        let schema = doc! { "$jsonSchema": { "required": ["a"] } };
        let query = doc! { "a": { "$exists": true } };
        assert_eq!(differences(&query, &schema), ["$jsonSchema", "a"]);
        let mut more = schema.clone();
        more.insert("b", 1);
        assert_eq!(differences(&more, &schema), ["b"]);
        assert!(differences(&more, &more).is_empty());
    }
}
