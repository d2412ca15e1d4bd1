//! JSON: enough of it for schemas, options of indexes and defaults. This crate knows no BSON.

use std::fmt;

/// A JSON value. Fields keep their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

/// The deepest nesting that is read.
const DEPTH_MAX: usize = 100;

impl Json {
    /// A string.
    pub fn text(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    /// A whole number.
    pub fn number(number: impl Into<i64>) -> Self {
        Self::Number(number.into().to_string())
    }

    /// An object.
    pub fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        Self::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// Returns the field of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.iter().find(|(n, _)| n == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Reads a text. `None` if it is not one JSON value.
    pub fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader { text, at: 0, depth: 0 };
        let value = reader.value()?;
        reader.blanks();
        (reader.at == text.len()).then_some(value)
    }

    /// Reads the value with which a text begins. Returns the rest of the text, too.
    pub fn prefix(text: &str) -> Option<(Self, &str)> {
        let mut reader = Reader { text, at: 0, depth: 0 };
        let value = reader.value()?;
        Some((value, text.get(reader.at..)?))
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => f.write_str(number),
            Self::String(text) => quoted(f, text),
            Self::Array(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Self::Object(fields) => {
                f.write_str("{")?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { "," })?;
                    quoted(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for letter in text.chars() {
        match letter {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            // Line ends of Unicode too: a line of a snapshot is one line for every tool.
            '\u{0}'..='\u{1f}' | '\u{7f}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                write!(f, "\\u{:04x}", letter as u32)?;
            }
            other => write!(f, "{other}")?,
        }
    }
    f.write_str("\"")
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\n', '\r', '\t']).len();
    }

    fn take(&mut self, token: &str) -> Option<()> {
        self.rest().starts_with(token).then(|| self.at += token.len())
    }

    fn value(&mut self) -> Option<Json> {
        self.blanks();
        match self.rest().as_bytes().first()? {
            b'n' => self.take("null").map(|()| Json::Null),
            b't' => self.take("true").map(|()| Json::Bool(true)),
            b'f' => self.take("false").map(|()| Json::Bool(false)),
            b'"' => self.string().map(Json::String),
            b'[' => {
                let mut items = Vec::new();
                self.list("[", "]", |reader| {
                    items.push(reader.value()?);
                    Some(())
                })?;
                Some(Json::Array(items))
            }
            b'{' => {
                let mut fields = Vec::new();
                self.list("{", "}", |reader| {
                    reader.blanks();
                    let name = reader.string()?;
                    reader.blanks();
                    reader.take(":")?;
                    fields.push((name, reader.value()?));
                    Some(())
                })?;
                Some(Json::Object(fields))
            }
            _ => self.number(),
        }
    }

    fn list(
        &mut self,
        open: &str,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.take(open)?;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        self.blanks();
        if self.take(close).is_none() {
            loop {
                item(self)?;
                self.blanks();
                if self.take(",").is_none() {
                    self.take(close)?;
                    break;
                }
            }
        }
        self.depth -= 1;
        Some(())
    }

    fn number(&mut self) -> Option<Json> {
        let rest = self.rest();
        let length = rest
            .find(|letter: char| !matches!(letter, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'))
            .unwrap_or(rest.len());
        let digits = rest.get(..length)?;
        let whole = digits.trim_start_matches('-');
        let is_sound = whole.starts_with(|letter: char| letter.is_ascii_digit())
            && !(whole.len() > 1 && whole.starts_with('0') && !whole.starts_with("0."))
            && !whole.ends_with('.')
            && digits.parse::<f64>().is_ok();
        let number = is_sound.then(|| Json::Number(digits.to_owned()))?;
        self.at += length;
        Some(number)
    }

    fn string(&mut self) -> Option<String> {
        self.take("\"")?;
        let mut text = String::new();
        loop {
            let letter = self.rest().chars().next()?;
            self.at += letter.len_utf8();
            match letter {
                '"' => return Some(text),
                '\\' => {
                    let escaped = self.rest().chars().next()?;
                    self.at += escaped.len_utf8();
                    text.push(match escaped {
                        '"' | '\\' | '/' => escaped,
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        'b' => '\u{8}',
                        'f' => '\u{c}',
                        'u' => self.unicode()?,
                        _ => return None,
                    });
                }
                '\u{0}'..='\u{1f}' => return None,
                other => text.push(other),
            }
        }
    }

    fn unicode(&mut self) -> Option<char> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        self.take("\\u")?;
        let second = self.hex()?.checked_sub(0xdc00)?;
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + second)
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4)?;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_hex.then(|| u32::from_str_radix(digits, 16).ok())??;
        self.at += 4;
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let text = r#"{"a":[1,-2.5,1e3,true,false,null],"b":{"c":"\"\\\nä\u2028"},"":{},"d":[]}"#;
        assert_eq!(Json::parse(text).unwrap().to_string(), text);
        assert_eq!(Json::parse(" { \"a\" : 1 } ").unwrap().to_string(), "{\"a\":1}");
        assert_eq!(Json::parse("\"\\ud83d\\ude00\""), Some(Json::text("😀")));
        assert_eq!(Json::prefix("\"a b\" c"), Some((Json::text("a b"), " c")));
    }

    #[test]
    fn anything_else_is_refused() {
        let deep = "[".repeat(200);
        for text in
            ["", "{", "[1,]", "{a:1}", "01", "1.", "-", "nul", "\"", "\"\\x\"", "1 2", "'a'", &deep]
        {
            assert_eq!(Json::parse(text), None, "{text}");
        }
    }
}
