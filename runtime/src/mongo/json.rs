//! JSON of models and BSON of the server, each as the other. Fields keep their order, which counts in
//! the keys of an index. Pure.

use mongodb::bson::{Bson, Document};
use mongrate_seal::models::Json;

/// Names with which a value of MongoDB's extended JSON begins.
const EXTENDED: [&str; 15] = [
    "$binary",
    "$code",
    "$date",
    "$maxKey",
    "$minKey",
    "$numberDecimal",
    "$numberDouble",
    "$numberInt",
    "$numberLong",
    "$oid",
    "$regularExpression",
    "$symbol",
    "$timestamp",
    "$undefined",
    "$uuid",
];

/// Returns the BSON value. A whole number is an `int` if it fits. An object that begins like a value of
/// extended JSON is that value; if it is no such value, it is a document.
pub(crate) fn bson(json: &Json) -> Bson {
    match json {
        Json::Null => Bson::Null,
        Json::Bool(value) => Bson::Boolean(*value),
        Json::String(text) => Bson::String(text.clone()),
        Json::Number(number) => match (number.parse::<i64>(), number.parse::<f64>()) {
            (Ok(whole), _) => i32::try_from(whole).map_or(Bson::Int64(whole), Bson::Int32),
            (Err(_), Ok(real)) => Bson::Double(real),
            (Err(_), Err(_)) => Bson::String(number.clone()),
        },
        Json::Array(items) => Bson::Array(items.iter().map(bson).collect()),
        Json::Object(fields) => {
            let is_extended =
                fields.first().is_some_and(|(name, _)| EXTENDED.contains(&name.as_str()));
            let read = || serde_json::from_str::<Bson>(&json.to_string()).ok();
            match is_extended.then(read).flatten() {
                Some(value) => value,
                None => Bson::Document(document(json)),
            }
        }
    }
}

/// Returns the document; an empty one if the value is no object.
pub(crate) fn document(json: &Json) -> Document {
    match json {
        Json::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), bson(value))).collect()
        }
        _ => Document::new(),
    }
}

/// Returns the JSON value: whole numbers as such, whatever their type, and other types as extended
/// JSON.
pub(crate) fn json(bson: &Bson) -> Json {
    match bson {
        Bson::Null => Json::Null,
        Bson::Boolean(value) => Json::Bool(*value),
        Bson::String(text) => Json::text(text),
        Bson::Int32(number) => Json::number(*number),
        Bson::Int64(number) => Json::number(*number),
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
        Bson::Double(number) if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 => {
            Json::number(*number as i64)
        }
        Bson::Double(number) if number.is_finite() => Json::Number(number.to_string()),
        Bson::Array(items) => Json::Array(items.iter().map(json).collect()),
        Bson::Document(document) => of_document(document),
        other => {
            let text = serde_json::to_string(other).unwrap_or_else(|_| other.to_string());
            Json::parse(&text).unwrap_or(Json::String(text))
        }
    }
}

/// Returns the JSON object.
pub(crate) fn of_document(document: &Document) -> Json {
    Json::Object(document.iter().map(|(name, value)| (name.clone(), json(value))).collect())
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{DateTime, doc, oid::ObjectId};

    use super::*;

    #[test]
    fn both_ways_lead_back() {
        let document = doc! {
            "z": 1, "a": { "$gt": DateTime::from_millis(5), "$lt": 5_000_000_000_i64 },
            "id": ObjectId::from_bytes([7; 12]), "list": [1.5, true, Bson::Null, "x"],
            "numberLong": { "$oid": "no id" },
        };
        let text = of_document(&document).to_string();
        assert!(text.starts_with("{\"z\":1,\"a\":{\"$gt\":{\"$date\":"), "{text}");
        assert_eq!(super::document(&Json::parse(&text).unwrap()), document);
    }

    #[test]
    fn a_whole_number_is_one_whatever_its_type() {
        let json = of_document(&doc! { "a": 1.0, "b": 1_i64, "c": 1 });
        assert_eq!(json.to_string(), "{\"a\":1,\"b\":1,\"c\":1}");
        assert_eq!(super::document(&json), doc! { "a": 1, "b": 1, "c": 1 });
    }
}
