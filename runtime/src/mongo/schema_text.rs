//! A collection's options and indexes as text: pure.

use std::fmt::Write as _;

use mongodb::bson::{Bson, Document};

use super::options;

/// The longest value that stands on one line.
const LINE_CHARS_MAX: usize = 80;

/// Options that are not shown with these values: they are the server's defaults.
const DEFAULTS: [(&str, &str); 4] = [
    ("validationLevel", "\"strict\""),
    ("validationAction", "\"error\""),
    ("max", "2147483647"),
    ("bucketMaxSpanSeconds", "3600"),
];

/// A collection, a view or a time series, as `listCollections` and `listIndexes` describe it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Described<'a> {
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    pub(crate) options: &'a Document,
    pub(crate) indexes: &'a [Document],
}

/// One collection; each line ends with a newline.
pub(crate) fn collection_text(collection: Described<'_>) -> String {
    let mut text = format!("{} {}\n", collection.kind, on_one_line(collection.name));
    let mut options: Vec<(&String, &Bson)> = collection.options.iter().collect();
    options.sort_by_key(|(key, _)| key.as_str());
    for (key, value) in options {
        let value = shown(&in_short(key, value));
        if !DEFAULTS.contains(&(key.as_str(), value.as_str())) {
            let _ = writeln!(text, "  {key} {value}");
        }
    }
    for index in collection.indexes {
        let keys = index.get_document("key").cloned().unwrap_or_default();
        let name = index.get_str("name").unwrap_or_default();
        let _ = write!(text, "  index {} {}", on_one_line(name), shown(&keys.into()));
        let mut options: Vec<(&String, &Bson)> = index.iter().collect();
        options.sort_by_key(|(key, _)| key.as_str());
        for (key, value) in options {
            if !matches!(key.as_str(), "v" | "key" | "name" | "background") {
                let _ = write!(text, " {key} {}", shown(&in_short(key, value)));
            }
        }
        // An index without a collation has the simple one; it does not inherit the collection's.
        if !index.contains_key("collation") && options::collation(collection.options).is_some() {
            let _ = write!(text, " collation simple");
        }
        text.push('\n');
    }
    text
}

/// A name without control characters.
fn on_one_line(name: &str) -> String {
    let escaped = |char: char| match char.is_control() {
        true => char.escape_default().to_string(),
        false => char.to_string(),
    };
    name.chars().map(escaped).collect()
}

/// A collation in its short form, so that the text is the same on every server.
fn in_short(key: &str, value: &Bson) -> Bson {
    match value {
        Bson::Document(collation) if key == "collation" => {
            Bson::Document(options::short_collation(collation))
        }
        value => value.clone(),
    }
}

/// A value as JSON, fields in their order; on one line if it is short.
fn shown(value: &Bson) -> String {
    let value = plain(value);
    let line = inline(&value);
    if line.chars().count() <= LINE_CHARS_MAX {
        return line;
    }
    let text = serde_json::to_string_pretty(&value).unwrap_or(line);
    text.replace('\n', "\n  ")
}

fn inline(value: &Bson) -> String {
    match value {
        Bson::Document(document) if document.is_empty() => "{}".to_owned(),
        Bson::Document(document) => {
            let field = |(key, value): (&String, &Bson)| format!("{key:?}: {}", inline(value));
            let fields: Vec<String> = document.iter().map(field).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Bson::Array(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        other => serde_json::to_string(other).unwrap_or_else(|_| other.to_string()),
    }
}

/// Whole numbers as one type: the server and clients choose different ones.
fn plain(value: &Bson) -> Bson {
    match value {
        Bson::Document(document) => {
            let field = |(key, value): (&String, &Bson)| (key.clone(), plain(value));
            Bson::Document(document.iter().map(field).collect::<Document>())
        }
        Bson::Array(items) => Bson::Array(items.iter().map(plain).collect()),
        Bson::Int32(number) => Bson::Int64(i64::from(*number)),
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
        Bson::Double(number) if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 => {
            Bson::Int64(*number as i64)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn a_simple_index_in_a_collated_collection_is_told_from_one_that_inherits() {
        let collation = || doc! { "locale": "de", "strength": 3, "version": "57.1" };
        let text = collection_text(Described {
            name: "users",
            kind: "collection",
            options: &doc! { "collation": collation() },
            indexes: &[
                doc! { "v": 2, "key": { "a": 1 }, "name": "a_1", "collation": collation() },
                doc! { "v": 2, "key": { "b": 1 }, "name": "b_1" },
            ],
        });
        let expected = "collection users\n  collation { \"locale\": \"de\" }\n  \
                        index a_1 { \"a\": 1 } collation { \"locale\": \"de\" }\n  \
                        index b_1 { \"b\": 1 } collation simple\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_text_is_the_same_whichever_types_numbers_have() {
        let with_number = |number: Bson| {
            collection_text(Described {
                name: "users",
                kind: "collection",
                options: &doc! { "validator": { "age": { "$gte": 0 } }, "validationLevel": "strict" },
                indexes: &[doc! { "v": 2, "key": { "b": number, "a": -1 }, "name": "b_1" }],
            })
        };
        let expected = "collection users\n  validator { \"age\": { \"$gte\": 0 } }\n  index b_1 \
                        { \"b\": 1, \"a\": -1 }\n";
        for number in [Bson::Int32(1), Bson::Int64(1), Bson::Double(1.0)] {
            assert_eq!(with_number(number), expected);
        }
    }
}
