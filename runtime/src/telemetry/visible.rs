//! Escapes characters that a terminal, a log or a browser would obey instead of show: control
//! characters, and characters that change the direction of text or have no width.
//!
//! Every text from elsewhere (a server, a database, a migration, a request) is escaped here before
//! it becomes part of a log line: a line break in an error's text would begin a line that looks
//! like one of Mongrate's.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

/// Whether `c` is invisible and changes how the text around it is shown.
///
/// The two joiners (U+200C, U+200D) are not among them: scripts and emoji need them.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// `text` on one line: hidden characters are written as Rust writes them (`\n`, `\u{1b}`).
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// `text` with its line breaks, for output that indents lines. A tab becomes a space; other hidden
/// characters are written as Rust writes them.
#[cfg(feature = "cli")]
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    let escaped = escape(text, |c| matches!(c, '\n' | '\t'));
    match escaped.contains('\t') {
        true => Cow::Owned(escaped.replace('\t', " ")),
        false => escaped,
    }
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    let escaped = |c: char| is_hidden(c) && !keep(c);
    if !text.contains(escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if escaped(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// The text of a JSON document with hidden characters escaped as in JSON (`\u202e`): the same
/// values, safe for a terminal. Serializers leave some hidden characters as they are.
#[cfg(any(feature = "cli", feature = "http"))]
pub(crate) fn json(text: String) -> String {
    if text.is_ascii() && !text.contains('\u{7f}') {
        // Serializers escape all control characters of ASCII except the last one.
        return text;
    }
    // Hidden characters occur only inside strings, except for the line breaks between fields.
    let escaped = |c: char| is_hidden(c) && !matches!(c, '\n' | '\t' | '\r');
    if !text.contains(escaped) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if !escaped(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

/// Displays a value on one line, for a field of a log event.
pub(crate) struct Line<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for Line<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Escapes what passes through.
        struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

        impl fmt::Write for Escaping<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.write_str(&line(text))
            }
        }

        write!(Escaping(f), "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_shows_what_is_in_it() {
        for (text, shown) in [
            ("plain text, Zürich, 日本, 👩‍👩‍👧", "plain text, Zürich, 日本, 👩‍👩‍👧"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{1b}[31mred\u{9b}0m\u{7f}\0", "\\u{1b}[31mred\\u{9b}0m\\u{7f}\\u{0}"),
            ("ab\u{202e}cd\u{2066}ef\u{61c}", "ab\\u{202e}cd\\u{2066}ef\\u{61c}"),
            ("a\u{2028}b\u{2029}c\u{85}d", "a\\u{2028}b\\u{2029}c\\u{85}d"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
        ] {
            assert_eq!(line(text), shown);
            assert_eq!(Line(text).to_string(), shown);
        }
    }

    #[cfg(feature = "cli")]
    #[test]
    fn lines_keep_their_breaks() {
        assert_eq!(lines("a\nb\tc\r\u{202e}"), "a\nb c\\r\\u{202e}");
    }

    #[cfg(any(feature = "cli", feature = "http"))]
    #[test]
    fn json_says_the_same_in_visible_characters() {
        let value = serde_json::json!({ "n\u{202e}": "\u{1b}\n\u{9b}\u{7f}\u{2067}\u{e0041}é" });
        for text in [value.to_string(), format!("{value:#}")] {
            let shown = json(text);
            assert!(!shown.chars().any(|c| is_hidden(c) && c != '\n'), "{shown:?}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }
    }
}
