//! Documents as canonical text: the bytes that a hash is computed over, and that any other tool can
//! make again. Pure.
//!
//! Compact JSON as `JSON.stringify` writes it, with the fields in their stored order; a date is a text
//! such as `"2026-11-29T21:30:00.000Z"`.

use std::fmt::Write as _;

use chrono::SecondsFormat;
use mongodb::bson::{RawBsonRef, RawDocument};

use super::fields;

/// How deep documents may lie in each other.
const DEPTH_MAX: u32 = 8;

/// The canonical text of a document; `None` if it holds what canonical text has no form for, such as a
/// fraction or binary data.
pub(crate) fn text(document: &RawDocument) -> Option<String> {
    let mut out = String::with_capacity(512);
    object(&mut out, document, 0)?;
    Some(out)
}

fn object(out: &mut String, document: &RawDocument, depth: u32) -> Option<()> {
    if depth > DEPTH_MAX {
        return None;
    }
    out.push('{');
    for (at, field) in document.iter().enumerate() {
        let (key, field) = field.ok()?;
        if at > 0 {
            out.push(',');
        }
        string(out, fields::name(key))?;
        out.push(':');
        value(out, field, depth)?;
    }
    out.push('}');
    Some(())
}

fn value(out: &mut String, value: RawBsonRef<'_>, depth: u32) -> Option<()> {
    match value {
        RawBsonRef::String(text) => string(out, text)?,
        RawBsonRef::Int32(number) => write!(out, "{number}").ok()?,
        RawBsonRef::Int64(number) => write!(out, "{number}").ok()?,
        RawBsonRef::Boolean(truth) => write!(out, "{truth}").ok()?,
        RawBsonRef::Null => out.push_str("null"),
        RawBsonRef::DateTime(at) => {
            let at = fields::date(at)?.to_rfc3339_opts(SecondsFormat::Millis, true);
            string(out, &at)?;
        }
        RawBsonRef::Document(document) => object(out, document, depth + 1)?,
        _ => return None,
    }
    Some(())
}

fn string(out: &mut String, text: &str) -> Option<()> {
    out.push_str(&serde_json::to_string(text).ok()?);
    Some(())
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc};

    use super::*;

    fn of(document: &Document) -> Option<String> {
        text(&RawDocumentBuf::try_from(document).unwrap())
    }

    #[test]
    fn what_a_log_holds_has_one_text() {
        let document = doc! {
            "_id": 7_i64, "at": DateTime::from_millis(1_764_451_800_001), "name": "a \"b\" \\ \n\u{1}é\u{7f}",
            "by": { "pid": 3, "none": Bson::Null, "yes": true }, "empty": {},
        };
        assert_eq!(
            of(&document).unwrap(),
            "{\"_id\":7,\"at\":\"2025-11-29T21:30:00.001Z\",\"name\":\"a \\\"b\\\" \\\\ \\n\\u0001é\u{7f}\",\
             \"by\":{\"pid\":3,\"none\":null,\"yes\":true},\"empty\":{}}"
        );
    }

    #[test]
    fn what_no_log_holds_has_none() {
        let mut deep = doc! {};
        for _ in 0..=DEPTH_MAX {
            deep = doc! { "a": deep };
        }
        let odd = [doc! { "a": 1.5 }, doc! { "a": [1] }, doc! { "a": DateTime::MAX }, deep];
        for document in odd {
            assert_eq!(of(&document), None, "{document}");
        }
    }
}
