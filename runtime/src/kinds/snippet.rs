//! Pure: the code that a lint shows. The code has every option of its index: without one of them it
//! would declare another index.

use mongodb::bson::{Bson, Document, doc};

use crate::mongo::options::{alike, collation, is_true, same_collation, short_collation};

/// The document as Rust code.
pub(crate) fn as_doc(document: &Document) -> String {
    format!("doc! {document}")
}

/// Options of an index that the server sets itself, and fields that are no options.
const OF_THE_SERVER: [&str; 7] =
    ["v", "key", "name", "ns", "background", "textIndexVersion", "2dsphereIndexVersion"];

/// The calls that give an index these options and this name.
pub(crate) fn chain(options: &Document, name: Option<&str>) -> String {
    let mut chain = String::new();
    for (option, value) in options {
        let value_text = match value {
            Bson::Document(value) => as_doc(value),
            value => value.to_string(),
        };
        chain += &match option.as_str() {
            "unique" | "sparse" | "hidden" => format!(".{option}({})", is_true(Some(value))),
            "collation" | "weights" | "default_language" | "language_override" => {
                format!(".{option}({value_text})")
            }
            "partialFilterExpression" => format!(".partial_filter({value_text})"),
            "wildcardProjection" => format!(".wildcard_projection({value_text})"),
            "expireAfterSeconds" => format!(".expire_after(Duration::from_secs({value_text}))"),
            option => format!(".option({option:?}, {value_text})"),
        };
    }
    if let Some(name) = name {
        chain += &format!(".name({name:?})");
    }
    chain
}

/// The operation that drops an index which the server lists, with all of its options.
pub(crate) fn drop_index(
    collection_name: &str,
    listed: &Document,
    collection_options: &Document,
) -> String {
    let (keys, options) = declared(listed, collection_options);
    let name = listed.get_str("name").unwrap_or_default();
    format!(
        "change.drop_index({collection_name:?}, {}){};",
        as_doc(&keys),
        chain(&options, Some(name))
    )
}

/// The operation that builds an index which the server would list like this, with all of its
/// options.
pub(crate) fn create_index(
    collection_name: &str,
    listed: &Document,
    collection_options: &Document,
) -> String {
    let (keys, options) = declared(listed, collection_options);
    let name = listed.get_str("name").unwrap_or_default();
    format!(
        "change.create_index({collection_name:?}, {}){};",
        as_doc(&keys),
        chain(&options, Some(name))
    )
}

/// The keys and options that declare an index which the server lists. The options of the collection
/// say which collation the index inherits.
pub(crate) fn declared(listed: &Document, collection_options: &Document) -> (Document, Document) {
    let mut keys = Document::new();
    for (field, kind) in listed.get_document("key").into_iter().flatten() {
        match (field.as_str(), kind.as_str()) {
            ("_fts", Some("text")) => {
                let weights = listed.get_document("weights").into_iter().flatten();
                keys.extend(weights.map(|(field, _)| (field.clone(), Bson::from("text"))));
            }
            ("_ftsx", _) => {}
            _ => {
                keys.insert(field, kind.clone());
            }
        }
    }
    let mut options = Document::new();
    for (option, value) in listed {
        let is_default = match (option.as_str(), value) {
            ("weights", Bson::Document(weights)) => {
                weights.values().all(|weight| alike(Some(weight), Some(&Bson::Int32(1))))
            }
            ("default_language", Bson::String(language)) => language == "english",
            ("language_override", Bson::String(field)) => field == "language",
            _ => false,
        };
        if !is_default && option != "collation" && !OF_THE_SERVER.contains(&option.as_str()) {
            options.insert(option, value.clone());
        }
    }
    let own = listed.get_document("collation").ok();
    if !same_collation(own, collation(collection_options)) {
        options
            .insert("collation", own.map_or_else(|| doc! { "locale": "simple" }, short_collation));
    }
    (keys, options)
}

/// The call of `createIndex` in the MongoDB shell.
pub(crate) fn in_the_shell(
    collection: &str,
    keys: &Document,
    options: &Document,
    name: &str,
) -> String {
    let mut all = options.clone();
    all.insert("name", name);
    format!("db.getCollection({collection:?}).createIndex({keys}, {all})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_is_listed_is_dropped_with_all_that_it_is() {
        let of = doc! {};
        let code = |listed: Document, options: &Document| drop_index("users", &listed, options);
        let listed = doc! { "v": 2, "key": { "age": 1 }, "name": "age_1" };
        assert_eq!(
            code(listed.clone(), &of),
            r#"change.drop_index("users", doc! { "age": 1 }).name("age_1");"#
        );
        let german = doc! {
            "locale": "de", "caseLevel": false, "caseFirst": "off", "strength": 2,
            "numericOrdering": false, "alternate": "non-ignorable", "maxVariable": "punct",
            "normalization": false, "backwards": false, "version": "57.1",
        };
        let in_german = doc! { "collation": german.clone() };
        assert!(
            code(listed.clone(), &in_german).contains(r#".collation(doc! { "locale": "simple" })"#)
        );
        let mut collated = listed;
        collated.insert("collation", german);
        assert!(!code(collated.clone(), &in_german).contains("collation"), "it inherits that");
        assert!(
            code(collated, &of).contains(r#".collation(doc! { "locale": "de", "strength": 2 })"#)
        );
        let text = doc! {
            "v": 2, "key": { "a": 1, "_fts": "text", "_ftsx": 1 }, "name": "t", "unique": true,
            "weights": { "t": 1 }, "default_language": "english",
            "language_override": "language", "textIndexVersion": 3, "expireAfterSeconds": 5,
        };
        assert_eq!(
            code(text, &of),
            r#"change.drop_index("users", doc! { "a": 1, "t": "text" }).unique(true).expire_after(Duration::from_secs(5)).name("t");"#
        );
    }
}
