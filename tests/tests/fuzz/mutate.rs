//! Makes inputs that are nearly valid: of bytes, of lines, of the values in JSON and BSON.

use mongrate::bson::{Bson, DateTime, Document, Timestamp, doc, oid::ObjectId};
use serde_json::Value;

/// Words at which parsers stumble.
const WORDS: [&str; 40] = [
    "",
    "\0",
    "\n",
    "\r\n",
    "\u{feff}",
    "\u{2028}",
    "é",
    "日本",
    "\u{10ffff}",
    "\u{200d}",
    "\\",
    "\"",
    "'",
    "{{",
    "}}",
    "{",
    "}",
    "[",
    "]",
    "%",
    "%00",
    "%zz",
    "@",
    ":",
    "/",
    "?",
    "#",
    "&",
    "=",
    "..",
    "-1",
    "0",
    "1e999",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "null",
    "true",
    "<<<<<<< ",
    "$where",
];

/// How deep a value is nested for parsers that recurse.
const DEEP: usize = 400;

pub(crate) struct Mutator {
    random: fastrand::Rng,
    corpus: Vec<String>,
}

impl Mutator {
    pub(crate) fn new(seed: u64, corpus: impl IntoIterator<Item = String>) -> Self {
        let corpus: Vec<String> = corpus.into_iter().collect();
        assert!(!corpus.is_empty());
        Self { random: fastrand::Rng::with_seed(seed), corpus }
    }

    /// One of the valid inputs.
    pub(crate) fn valid(&mut self) -> String {
        let at = self.random.usize(..self.corpus.len());
        self.corpus[at].clone()
    }

    pub(crate) fn one_in(&mut self, many: u32) -> bool {
        self.random.u32(..many) == 0
    }

    pub(crate) fn index(&mut self, len: usize) -> usize {
        self.random.usize(..len)
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.random.usize(..WORDS.len())]
    }

    /// A valid text, changed in a few places; one in twenty as it is.
    pub(crate) fn text(&mut self) -> String {
        let mut bytes = self.valid().into_bytes();
        if !self.one_in(20) {
            for _ in 0..self.random.usize(1..5) {
                self.change(&mut bytes);
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let len = bytes.len();
        let at = self.random.usize(..=len);
        let end = (at + self.random.usize(..12)).min(len);
        match self.random.u32(..10) {
            0 if at < len => bytes[at] ^= 1 << self.random.u32(..8),
            1 if at < len => bytes[at] = self.random.u8(..),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            4 => {
                let word = self.word();
                bytes.splice(at..end, word.bytes());
            }
            5 => bytes.truncate(at),
            6 => {
                // A part of another valid input.
                let other = self.valid().into_bytes();
                let from = self.random.usize(..=other.len());
                let to = (from + self.random.usize(..60)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            7 => self.change_lines(bytes),
            8 => {
                // A number becomes another one.
                if let Some(first) = (at..len).find(|at| bytes[*at].is_ascii_digit()) {
                    let count =
                        bytes[first..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                    let number = self.number();
                    bytes.splice(first..first + count, number.bytes());
                }
            }
            _ => {
                let word = self.word();
                bytes.splice(at..at, word.bytes());
            }
        }
    }

    fn number(&mut self) -> String {
        match self.random.u32(..6) {
            0 => "0".to_owned(),
            1 => u64::MAX.to_string(),
            2 => i64::MIN.to_string(),
            3 => "1".repeat(self.random.usize(1..400)),
            4 => format!("{:e}", self.random.f64() * 1e300),
            _ => self.random.i64(..).to_string(),
        }
    }

    fn change_lines(&mut self, bytes: &mut Vec<u8>) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        if lines.len() < 2 {
            return;
        }
        let (one, other) = (self.random.usize(..lines.len()), self.random.usize(..lines.len()));
        match self.random.u32(..4) {
            0 => lines.swap(one, other),
            1 => drop(lines.remove(one)),
            2 => lines.insert(one, lines[other]),
            _ => lines.truncate(one.max(1)),
        }
        *bytes = lines.concat().into_bytes();
    }

    /// The same JSON with a few other values, keys or places.
    pub(crate) fn json(&mut self) -> String {
        let text = self.valid();
        let Ok(mut value) = serde_json::from_str::<Value>(&text) else { return text };
        if self.one_in(20) {
            return text;
        }
        if self.one_in(200) {
            let (open, close) = if self.random.bool() { ("[", "]") } else { ("{\"a\":", "}") };
            return format!("{}1{}", open.repeat(DEEP), close.repeat(DEEP));
        }
        for _ in 0..self.random.usize(1..4) {
            self.change_json(&mut value);
        }
        value.to_string()
    }

    fn change_json(&mut self, value: &mut Value) {
        let inside = !self.one_in(4);
        match value {
            Value::Object(all) if inside && !all.is_empty() => {
                let key =
                    all.keys().nth(self.random.usize(..all.len())).cloned().unwrap_or_default();
                match self.random.u32(..8) {
                    0 => drop(all.remove(&key)),
                    1 => {
                        let moved = all.remove(&key).unwrap_or_default();
                        all.insert(format!("{key}{}", self.word()), moved);
                    }
                    2 => {
                        let new = self.any_json();
                        all.insert(self.word().to_owned(), new);
                    }
                    _ => self.change_json(&mut all[&key]),
                }
            }
            Value::Array(all) if inside && !all.is_empty() => {
                let at = self.random.usize(..all.len());
                match self.random.u32(..5) {
                    0 => drop(all.remove(at)),
                    1 => all.insert(at, all[at].clone()),
                    _ => self.change_json(&mut all[at]),
                }
            }
            Value::String(text) if inside => {
                let mut bytes = std::mem::take(text).into_bytes();
                self.change(&mut bytes);
                *text = String::from_utf8_lossy(&bytes).into_owned();
            }
            value => *value = self.any_json(),
        }
    }

    fn any_json(&mut self) -> Value {
        match self.random.u32(..9) {
            0 => Value::Null,
            1 => self.random.bool().into(),
            2 => self.random.i64(..).into(),
            3 => (-1).into(),
            4 => 1e300.into(),
            5 => self.word().into(),
            6 => "x".repeat(self.random.usize(..5_000)).into(),
            7 => Value::Array(vec![Value::Null; self.random.usize(..5)]),
            _ => serde_json::json!({ "a": [{ "b": 1 }] }),
        }
    }

    /// The same document with a few other values, types or fields; its `_id` only now and then.
    pub(crate) fn document(&mut self, document: &mut Document) {
        for _ in 0..self.random.usize(1..4) {
            self.change_document(document, true);
        }
    }

    fn change_document(&mut self, document: &mut Document, at_top: bool) {
        if document.is_empty() {
            document.insert("x", self.any_bson());
            return;
        }
        let key =
            document.keys().nth(self.random.usize(..document.len())).cloned().unwrap_or_default();
        if at_top && key == "_id" && !self.one_in(5) {
            return;
        }
        let must_stay = at_top && key == "_id";
        match self.random.u32(..8) {
            0 if !must_stay => drop(document.remove(&key)),
            1 => drop(document.insert("later", self.any_bson())),
            2 | 3 => {
                if let Some(value) = document.get_mut(&key) {
                    *value = self.any_id(must_stay);
                }
            }
            _ => match document.get_mut(&key) {
                Some(Bson::Document(inside)) => self.change_document(inside, false),
                Some(Bson::Array(all)) if !all.is_empty() => {
                    let at = self.random.usize(..all.len());
                    match (&mut all[at], self.random.u32(..4)) {
                        (Bson::Document(inside), 1..) => self.change_document(inside, false),
                        (_, 0) => drop(all.remove(at)),
                        (value, _) => *value = self.any_bson(),
                    }
                }
                Some(Bson::String(text)) => {
                    let mut bytes = std::mem::take(text).into_bytes();
                    self.change(&mut bytes);
                    *text = String::from_utf8_lossy(&bytes).into_owned();
                }
                Some(Bson::Int64(number)) => *number = [i64::MAX, i64::MIN, -1, 0][self.index(4)],
                Some(value) => *value = self.any_id(must_stay),
                None => {}
            },
        }
    }

    /// A value that may be an `_id`, if it has to be one.
    fn any_id(&mut self, is_id: bool) -> Bson {
        loop {
            let value = self.any_bson();
            if !(is_id
                && matches!(value, Bson::Array(_) | Bson::RegularExpression(_) | Bson::Undefined))
            {
                return value;
            }
        }
    }

    pub(crate) fn any_bson(&mut self) -> Bson {
        match self.random.u32(..15) {
            0 => Bson::Null,
            1 => self.random.bool().into(),
            2 => self.random.i64(..).into(),
            3 => self.random.i32(..).into(),
            4 => f64::NAN.into(),
            5 => 1e300.into(),
            6 => self.word().into(),
            7 => DateTime::from_millis(self.random.i64(..)).into(),
            8 => ObjectId::new().into(),
            9 => Bson::Array(vec![Bson::Null, doc! { "a": 1 }.into()]),
            10 => Timestamp { time: 1, increment: 2 }.into(),
            11 => Bson::MinKey,
            12 => "x".repeat(2_000).into(),
            13 => doc! { "a": { "b": [1, "c"] } }.into(),
            _ => Bson::Binary(mongrate::bson::Binary {
                subtype: mongrate::bson::spec::BinarySubtype::Uuid,
                bytes: vec![1; 7],
            }),
        }
    }
}
