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
}

impl Fields for RawDocument {
    fn text(&self, key: &str) -> Option<&str> {
        raw(self, key)?.as_str()
    }

    fn number(&self, key: &str) -> Option<i64> {
        raw_number(raw(self, key)?)
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

/// A time of the years 1 to 9999. There is none beyond, so that every time that was read can be counted on
/// from.
pub(crate) fn date(at: bson::DateTime) -> Option<DateTime<Utc>> {
    const YEARS: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;
    let ms = at.timestamp_millis();
    DateTime::from_timestamp_millis(ms).filter(|_| YEARS.contains(&ms))
}

/// The largest count that a document holds: nothing is counted so far, and sums of such counts fit.
pub(crate) const COUNT_MAX: i64 = 1 << 53;

/// A number as a count; `None` for one that nothing counts up to.
pub(crate) fn counted(number: i64) -> Option<i64> {
    (0..=COUNT_MAX).contains(&number).then_some(number)
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
    fn no_count_is_beyond_what_can_be_counted() {
        for (number, is) in [(0, true), (COUNT_MAX, true), (COUNT_MAX + 1, false), (-1, false)] {
            assert_eq!(counted(number), is.then_some(number));
        }
    }

    #[test]
    fn no_time_is_beyond_the_years_that_clocks_show() {
        for (ms, year) in [
            (0, Some(1970)),
            (253_402_300_799_999, Some(9999)),
            (253_402_300_800_000, None),
            (-62_135_596_800_000, Some(1)),
            (-62_135_596_800_001, None),
            (i64::MAX, None),
            (i64::MIN, None),
        ] {
            let found = date(bson::DateTime::from_millis(ms));
            assert_eq!(found.map(|found| chrono::Datelike::year(&found)), year, "{ms}");
        }
    }

    #[test]
    fn decoded_or_not_a_field_is_the_same() {
        let document = doc! {
            "i": 7_i32, "l": 7_i64, "whole": 7.0, "half": 7.5, "huge": 1e300, "nan": f64::NAN,
            "text": "seven", "none": null,
        };
        let bytes = RawDocumentBuf::try_from(&document).expect("it is a document");
        for key in ["i", "l", "whole", "half", "huge", "nan", "text", "none", "missing"] {
            assert_eq!(bytes.text(key), document.text(key), "{key}");
            assert_eq!(bytes.number(key), document.number(key), "{key}");
        }
        assert_eq!(document.number("whole"), Some(7));
        assert_eq!(document.number("half"), None);
        assert_eq!(bytes.text("text"), Some("seven"));
    }
}
