//! Entity tags: what an answer says, as a short text, so that a client that has the answer need not
//! load it again.
//!
//! A tag is weak: two answers with one tag say the same, but numbers that only count the time since
//! the answer was made may differ.

use axum::http::{HeaderMap, HeaderValue, header};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Fields that only tell how much time has passed when the answer is made. What they are counted
/// from is in the answer, too.
const COUNTED: [&str; 2] = ["remaining_ms", "elapsed_ms"];

/// How many hexadecimal digits a tag has.
const DIGITS: usize = 32;

/// The tag of a JSON answer, without quotes.
pub(super) fn of(value: &Value) -> String {
    let mut hash = Sha256::new();
    add(&mut hash, value);
    shown(hash)
}

/// The tag of an answer that is no JSON, without quotes.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    shown(Sha256::new_with_prefix(bytes))
}

fn shown(hash: Sha256) -> String {
    let hash = hash.finalize();
    hash.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// Adds a value so that no two values add the same bytes.
fn add(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Object(fields) => {
            hash.update(b"{");
            for (name, value) in fields.iter().filter(|(name, _)| !COUNTED.contains(&&***name)) {
                hash.update(name.len().to_le_bytes());
                hash.update(name);
                add(hash, value);
            }
            hash.update(b"}");
        }
        Value::Array(items) => {
            hash.update(b"[");
            items.iter().for_each(|item| add(hash, item));
            hash.update(b"]");
        }
        Value::String(text) => {
            hash.update(b"s");
            hash.update(text.len().to_le_bytes());
            hash.update(text);
        }
        Value::Number(number) => {
            hash.update(b"n");
            hash.update(number.to_string());
            hash.update(b";");
        }
        Value::Bool(true) => hash.update(b"t"),
        Value::Bool(false) => hash.update(b"f"),
        Value::Null => hash.update(b"0"),
    }
}

/// The header with this tag.
pub(super) fn header(tag: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("W/\"{tag}\"")).ok()
}

/// The tag in a text that a client sends: with or without quotes and `W/`.
pub(super) fn bare(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix("W/").unwrap_or(text).trim_matches('"')
}

/// Whether the client has the answer already: whether `If-None-Match` names its tag.
pub(super) fn is_known(request: &HeaderMap, answer: &HeaderMap) -> bool {
    let Some(tag) = answer.get(header::ETAG).and_then(|tag| tag.to_str().ok()) else {
        return false;
    };
    let known = request.get_all(header::IF_NONE_MATCH).iter();
    known
        .filter_map(|known| known.to_str().ok())
        .flat_map(|known| known.split(','))
        .any(|known| known.trim() == "*" || (known.contains('"') && bare(known) == bare(tag)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tag_changes_with_what_is_said_and_not_with_the_time() {
        let at = |remaining: u32| json!({ "lock": { "held": true, "remaining_ms": remaining } });
        assert_eq!(of(&at(5)), of(&at(4)));
        let all = [
            json!(null),
            json!(false),
            json!([]),
            json!([[]]),
            json!({}),
            json!({ "a": 1 }),
            json!({ "a": 12 }),
            json!({ "a": 1, "b": 2 }),
            json!({ "a": "1" }),
            json!(["a", "b"]),
            json!(["ab"]),
            json!([1, 2]),
            json!([12]),
            json!([[1], 2]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert_eq!(of(one).len(), DIGITS);
            for other in all.iter().skip(at + 1) {
                assert_ne!(of(one), of(other), "{one} {other}");
            }
        }
    }

    #[test]
    fn a_client_knows_an_answer_by_any_of_its_tags() {
        let answer = HeaderMap::from_iter([(header::ETAG, header("abc").unwrap())]);
        for (known, is) in [
            ("W/\"abc\"", true),
            ("\"abc\"", true),
            ("*", true),
            ("\"x\", W/\"abc\"", true),
            ("abc", false),
            ("\"abcd\"", false),
            ("", false),
            ("\"", false),
        ] {
            let request =
                HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(known))]);
            assert_eq!(is_known(&request, &answer), is, "{known}");
            assert!(!is_known(&request, &HeaderMap::new()));
        }
        assert!(!is_known(&HeaderMap::new(), &answer));
    }
}
