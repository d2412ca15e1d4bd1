//! Pure: which fields, and which collections, a document of the schema names.

use mongodb::bson::{Bson, Document};
use mongrate_seal::distance;

/// Whether a validator or a filter of an index names a field.
pub(crate) fn names(document: &Document, field: &str) -> bool {
    document.iter().any(|(key, value)| match (key.as_str(), value) {
        ("$jsonSchema", Bson::Document(schema)) => schema_names(schema, field),
        ("$expr", value) => value_names(value, field),
        (key, _) if is_within(key, field) => true,
        (key, Bson::Array(items)) if key.starts_with('$') => {
            items.iter().filter_map(Bson::as_document).any(|item| names(item, field))
        }
        _ => false,
    })
}

/// Whether an index, as it is declared or listed, names a field.
pub(crate) fn index_names(keys: &Document, options: &Document, field: &str) -> bool {
    let in_keys =
        |keys: &Document| keys.keys().any(|path| is_within(path.trim_end_matches(".$**"), field));
    let inner = |option: &str| options.get_document(option).ok();
    in_keys(keys)
        || inner("weights").is_some_and(in_keys)
        || inner("partialFilterExpression").is_some_and(|filter| names(filter, field))
        || inner("wildcardProjection").is_some_and(|projection| projects(projection, "", field))
}

/// A projection may be nested.
fn projects(projection: &Document, prefix: &str, field: &str) -> bool {
    projection.iter().any(|(key, value)| {
        let path = format!("{prefix}{key}");
        is_within(&path, field)
            || matches!(value, Bson::Document(inner) if projects(inner, &format!("{path}."), field))
    })
}

/// Whether a path is the field, or lies in it.
pub(crate) fn is_within(path: &str, field: &str) -> bool {
    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether a schema wants something of a field. It may name its parent alone, which is no
/// reason to keep the field.
fn schema_names(schema: &Document, field: &str) -> bool {
    let (first, rest) = match field.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (field, None),
    };
    let inner = schema
        .get_document("properties")
        .ok()
        .and_then(|properties| properties.get_document(first).ok());
    let required = schema
        .get_array("required")
        .is_ok_and(|required| required.iter().any(|name| name.as_str() == Some(first)));
    let here = match rest {
        None => required || inner.is_some(),
        Some(rest) => inner.is_some_and(|inner| {
            // A path leads through the documents of an array.
            schema_names(inner, rest)
                || inner.get_document("items").is_ok_and(|items| schema_names(items, rest))
        }),
    };
    let in_dependencies = schema.get_document("dependencies").is_ok_and(|dependencies| {
        dependencies.iter().any(|(key, value)| {
            key == first
                || value.as_array().into_iter().flatten().any(|name| name.as_str() == Some(first))
                || value.as_document().is_some_and(|inner| schema_names(inner, field))
        })
    });
    here || (rest.is_none() && in_dependencies)
        || ["allOf", "anyOf", "oneOf"].iter().any(|key| {
            schema.get_array(key).is_ok_and(|schemas| {
                schemas.iter().filter_map(Bson::as_document).any(|one| schema_names(one, field))
            })
        })
        || schema.get_document("not").is_ok_and(|inner| schema_names(inner, field))
}

fn value_names(value: &Bson, field: &str) -> bool {
    match value {
        Bson::String(text) => text
            .strip_prefix("$$ROOT.")
            .or_else(|| text.strip_prefix("$$CURRENT."))
            .or_else(|| text.strip_prefix('$'))
            .is_some_and(|path| is_within(path, field)),
        Bson::Array(items) => items.iter().any(|item| value_names(item, field)),
        Bson::Document(inner) => inner.values().any(|item| value_names(item, field)),
        _ => false,
    }
}

/// The collections that a view reads, itself named by `viewOn`.
pub(crate) fn sources(options: &Document) -> Vec<String> {
    let mut found: Vec<String> = options.get_str("viewOn").map(str::to_owned).into_iter().collect();
    if let Ok(stages) = options.get_array("pipeline") {
        in_pipeline(stages, &mut found);
    }
    found.sort();
    found.dedup();
    found
}

fn in_pipeline(stages: &[Bson], found: &mut Vec<String>) {
    for (operator, value) in stages.iter().filter_map(Bson::as_document).flatten() {
        match (operator.as_str(), value) {
            ("$lookup" | "$graphLookup", Bson::Document(stage)) => {
                found.extend(stage.get_str("from").map(str::to_owned));
                in_pipeline(stage.get_array("pipeline").map_or(&[], Vec::as_slice), found);
            }
            ("$unionWith", Bson::String(name)) => found.push(name.clone()),
            ("$unionWith", Bson::Document(stage)) => {
                found.extend(stage.get_str("coll").map(str::to_owned));
                in_pipeline(stage.get_array("pipeline").map_or(&[], Vec::as_slice), found);
            }
            ("$facet", Bson::Document(facets)) => {
                for facet in facets.values().filter_map(Bson::as_array) {
                    in_pipeline(facet, found);
                }
            }
            _ => {}
        }
    }
}

/// The name that may have been meant: it differs in one or two letters.
pub(crate) fn nearest<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = if name.chars().count() > 4 { 2 } else { 1 };
    let near =
        all.map(|other| (distance(name, other), other)).filter(|(far, _)| *far > 0 && *far <= most);
    near.min().map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn a_field_is_found_where_it_is_named() {
        let schema = doc! { "$jsonSchema": {
            "required": ["name"],
            "properties": {
                "address": { "properties": { "city": { "bsonType": "string" } } },
                "items": { "items": { "required": ["price"] } },
            },
            "not": { "required": ["old"] },
            "dependencies": { "card": ["owner"] },
        } };
        for (field, named) in [
            ("name", true),
            ("address", true),
            ("address.city", true),
            ("address.zip", false),
            ("items.price", true),
            ("items.count", false),
            ("old", true),
            ("card", true),
            ("owner", true),
            ("nam", false),
        ] {
            assert_eq!(names(&schema, field), named, "{field}");
        }
        let query =
            doc! { "$and": [{ "age": { "$gte": 0 } }, { "$expr": { "$gt": ["$a.b", 1] } }] };
        for (field, named) in
            [("age", true), ("a", true), ("a.b", true), ("a.b.c", false), ("b", false)]
        {
            assert_eq!(names(&query, field), named, "{field}");
        }
    }

    #[test]
    fn an_index_names_fields_in_several_places() {
        let keys = doc! { "a.b": 1, "w.$**": 1 };
        let options = doc! {
            "weights": { "t": 1 }, "partialFilterExpression": { "p": { "$gt": 1 } },
            "wildcardProjection": { "x": { "y": 1 } },
        };
        for (field, named) in [
            ("a", true),
            ("a.b", true),
            ("w", true),
            ("t", true),
            ("p", true),
            ("x.y", true),
            ("y", false),
            ("b", false),
        ] {
            assert_eq!(index_names(&keys, &options, field), named, "{field}");
        }
    }

    #[test]
    fn a_view_reads_what_its_pipeline_names() {
        let view = doc! { "viewOn": "a", "pipeline": [
            { "$lookup": { "from": "b", "as": "x", "pipeline": [{ "$unionWith": "c" }] } },
            { "$facet": { "one": [{ "$graphLookup": { "from": "d" } }] } },
            { "$unionWith": { "coll": "e" } },
            { "$match": { "from": "f" } },
        ] };
        assert_eq!(sources(&view), ["a", "b", "c", "d", "e"]);
        assert!(sources(&doc! { "capped": true }).is_empty());
    }

    #[test]
    fn the_one_that_was_meant_is_near() {
        let all = || ["users", "orders", "pet"].into_iter();
        assert_eq!(nearest("user", all()), Some("users"));
        assert_eq!(nearest("usres", all()), Some("users"));
        assert_eq!(nearest("pat", all()), Some("pet"));
        assert_eq!(nearest("users", ["users"].into_iter()), None);
        assert_eq!(nearest("clients", all()), None);
    }
}
