//! Documents for a test, from JSON as MongoDB's own tools write it.

use std::fmt;

use mongodb::bson::{Bson, Document};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use super::error::TestError;

/// Inserts all documents of the text, or says what is wrong with the first that is not a document.
pub(super) async fn load(
    database: &mongodb::Database,
    name: &str,
    text: &str,
) -> Result<(), TestError> {
    let act = || format!("load fixtures/{name}.json");
    let documents = parse(text).map_err(|problem| TestError::set_up(act(), problem))?;
    if documents.is_empty() {
        return Ok(());
    }
    database
        .collection::<Document>(name)
        .insert_many(documents)
        .await
        .map(drop)
        .map_err(|error| TestError::set_up(act(), crate::ServerError::from(error)))
}

fn parse(text: &str) -> Result<Vec<Document>, String> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let values: Vec<Json> = match text.starts_with('[') {
        true => serde_json::from_str(text).map_err(|error| error.to_string())?,
        // One document a line, as `mongoexport` writes; or one document over several lines.
        false => serde_json::Deserializer::from_str(text)
            .into_iter::<Json>()
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?,
    };
    let document = |(at, value)| match bson(value) {
        Ok(Bson::Document(document)) => Ok(document),
        Ok(_) => Err(format!("item {} of the file is not a document: it is not in braces", at + 1)),
        Err(problem) => Err(format!("document {} of the file: {problem}", at + 1)),
    };
    values.into_iter().enumerate().map(document).collect()
}

/// JSON with the fields in the order of the file.
enum Json {
    Object(Vec<(String, Json)>),
    Array(Vec<Json>),
    Leaf(Value),
}

impl From<Json> for Value {
    fn from(json: Json) -> Self {
        match json {
            Json::Object(fields) => fields.into_iter().map(|(k, v)| (k, Self::from(v))).collect(),
            Json::Array(items) => items.into_iter().map(Self::from).collect(),
            Json::Leaf(value) => value,
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Json::Object(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Json, E> {
        Ok(Json::Leaf(truth.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Leaf(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Leaf(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json::Leaf(number.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Leaf(text.into()))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Leaf(Value::Null))
    }
}

/// Extended JSON, relaxed or canonical.
fn bson(json: Json) -> Result<Bson, String> {
    let value = match json {
        Json::Object(fields) if fields.iter().any(|(key, _)| key.starts_with('$')) => {
            let value = Value::from(Json::Object(fields));
            return serde_json::from_value(value).map_err(|error| error.to_string());
        }
        Json::Object(fields) => {
            let field = |(key, value)| Ok((key, bson(value)?));
            let fields = fields.into_iter().map(field).collect::<Result<_, String>>()?;
            return Ok(Bson::Document(fields));
        }
        Json::Array(items) => {
            return Ok(Bson::Array(items.into_iter().map(bson).collect::<Result<_, String>>()?));
        }
        Json::Leaf(value) => value,
    };
    Ok(match value {
        // As the server's tools read them: the smallest type that holds it.
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => i32::try_from(whole).map_or(Bson::Int64(whole), Bson::Int32),
            (None, Some(real)) => Bson::Double(real),
            (None, None) => return Err(format!("{number} is not a number in BSON")),
        },
        Value::String(text) => Bson::String(text),
        Value::Bool(truth) => Bson::Boolean(truth),
        _ => Bson::Null,
    })
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{DateTime, doc, oid::ObjectId};

    use super::*;

    #[test]
    fn an_array_and_lines_are_read_with_their_types() {
        let id = "64b5f0c2a1b2c3d4e5f60718";
        let document = format!(
            r#"{{ "_id": {{ "$oid": "{id}" }}, "n": -5, "big": 5000000000, "x": 1.5,
                 "at": {{ "$date": "1970-01-01T00:00:01Z" }}, "l": {{ "$numberLong": "7" }},
                 "tags": ["a", null, true], "in": {{ "a": 1 }} }}"#
        );
        let expected = doc! {
            "_id": ObjectId::parse_str(id).unwrap(), "n": -5, "big": 5_000_000_000_i64, "x": 1.5,
            "at": DateTime::from_millis(1_000), "l": 7_i64, "tags": ["a", Bson::Null, true],
            "in": { "a": 1 },
        };
        for text in
            [document.clone(), format!("[{document}]"), format!("\u{feff}{document}\n{document}\n")]
        {
            let found = parse(&text).unwrap();
            assert!(!found.is_empty());
            for document in &found {
                // Fields in the order of the file, too.
                assert_eq!(format!("{document:?}"), format!("{expected:?}"));
            }
        }
        assert_eq!(parse("").unwrap(), Vec::<Document>::new());
    }

    #[test]
    fn what_is_no_document_is_named() {
        assert!(parse("[{}, 3]").unwrap_err().contains("item 2 "));
        assert!(parse("{").is_err());
        assert!(parse(r#"{ "_id": { "$oid": "xyz" } }"#).unwrap_err().contains("document 1 "));
    }
}
