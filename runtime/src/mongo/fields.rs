//! Reads a field of a document, decoded or not. A field that is absent and a field of another type
//! are the same: `None`.
//!
//! A long history is not decoded into [`Document`]s: decoding took most of the time of reading it.

use chrono::{DateTime, Utc};
use mongodb::bson::{self, Bson, Document, RawBsonRef, RawDocument};

/// The fields of a document.
pub(crate) trait Fields {
    fn text(&self, key: &str) -> Option<&str>;
    /// A whole number of whatever type, without loss.
    fn number(&self, key: &str) -> Option<i64>;
    /// The texts in an array.
    fn texts(&self, key: &str) -> Vec<String>;
}

impl Fields for Document {
    fn text(&self, key: &str) -> Option<&str> {
        self.get_str(key).ok()
    }

    fn number(&self, key: &str) -> Option<i64> {
        match self.get(key)? {
            Bson::Int32(number) => Some(i64::from(*number)),
            Bson::Int64(number) => Some(*number),
            Bson::Double(number) => whole(*number),
            _ => None,
        }
    }

    fn texts(&self, key: &str) -> Vec<String> {
        let items = self.get_array(key).map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }
}

impl Fields for RawDocument {
    fn text(&self, key: &str) -> Option<&str> {
        raw(self, key)?.as_str()
    }

    fn number(&self, key: &str) -> Option<i64> {
        raw_number(raw(self, key)?)
    }

    fn texts(&self, key: &str) -> Vec<String> {
        let items = raw(self, key).and_then(|value| value.as_array());
        let items = items.into_iter().flatten().map_while(Result::ok);
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }
}

/// A field by its name; `None` also if the document is broken before the field.
pub(crate) fn raw<'a>(document: &'a RawDocument, key: &str) -> Option<RawBsonRef<'a>> {
    document.iter().map_while(Result::ok).find(|(found, _)| name(found) == key).map(|found| found.1)
}

/// The name of a field. Its type differs between the two versions of `bson`.
pub(crate) fn name<T: AsRef<str> + ?Sized>(key: &T) -> &str {
    key.as_ref()
}

pub(crate) fn raw_number(value: RawBsonRef<'_>) -> Option<i64> {
    match value {
        RawBsonRef::Int32(number) => Some(i64::from(number)),
        RawBsonRef::Int64(number) => Some(number),
        RawBsonRef::Double(number) => whole(number),
        _ => None,
    }
}

pub(crate) fn date(at: bson::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(at.timestamp_millis())
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{RawDocumentBuf, doc};

    use super::*;

    #[test]
    fn decoded_or_not_a_field_is_the_same() {
        let document = doc! {
            "i": 7_i32, "l": 7_i64, "whole": 7.0, "half": 7.5, "huge": 1e300, "nan": f64::NAN,
            "text": "seven", "none": null, "texts": ["a", 1, "b"],
        };
        let bytes = RawDocumentBuf::try_from(&document).expect("it is a document");
        for key in ["i", "l", "whole", "half", "huge", "nan", "text", "none", "texts", "missing"] {
            assert_eq!(bytes.text(key), document.text(key), "{key}");
            assert_eq!(bytes.number(key), document.number(key), "{key}");
            assert_eq!(bytes.texts(key), document.texts(key), "{key}");
        }
        assert_eq!(document.number("whole"), Some(7));
        assert_eq!(document.number("half"), None);
        assert_eq!(bytes.text("text"), Some("seven"));
        assert_eq!(bytes.texts("texts"), ["a", "b"]);
    }
}
