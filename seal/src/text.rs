//! A source file as the compiler reads it: without the byte order mark and the line for the shell, and
//! with `\n` wherever the file has `\r\n`, even inside a string.

use std::ops::Range;

/// The text that the compiler reads, and the place in the file of each of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The text that the compiler reads.
    rest: String,
    /// How many bytes of the file come before `rest`.
    skipped: usize,
    /// Places in `rest` before which the file has a `\r`.
    carriage_returns: Vec<usize>,
}

impl Text {
    /// Makes the text of a file's contents.
    pub fn new(file: &str) -> Self {
        let rest = file.strip_prefix('\u{feff}').unwrap_or(file);
        let rest = match is_for_the_shell(rest) {
            true => rest.find('\n').map_or("", |end| &rest[end..]),
            false => rest,
        };
        let skipped = file.len() - rest.len();
        if !rest.as_bytes().contains(&b'\r') {
            return Self { rest: rest.to_owned(), skipped, carriage_returns: Vec::new() };
        }
        let mut text = String::with_capacity(rest.len());
        let mut carriage_returns = Vec::new();
        let mut parts = rest.split("\r\n");
        text.push_str(parts.next().unwrap_or_default());
        for part in parts {
            carriage_returns.push(text.len());
            text.push('\n');
            text.push_str(part);
        }
        Self { rest: text, skipped, carriage_returns }
    }

    /// Returns the text that the compiler reads.
    pub fn as_str(&self) -> &str {
        &self.rest
    }

    /// Returns the place in the file, in bytes, of a part of [`as_str`](Self::as_str).
    pub fn in_file(&self, range: Range<usize>) -> Range<usize> {
        self.offset(range.start)..self.offset(range.end)
    }

    fn offset(&self, at: usize) -> usize {
        at + self.skipped + self.carriage_returns.partition_point(|place| *place < at)
    }
}

/// Whether a text begins with `#!/usr/bin/env …`, and not with `#![allow(…)]`.
fn is_for_the_shell(text: &str) -> bool {
    text.strip_prefix("#!").is_some_and(|rest| !rest.trim_start().starts_with('['))
}

#[cfg(test)]
mod tests {
    //! What is read, and where it is.

    use super::*;

    #[test]
    fn line_ends_are_the_compilers() {
        let file = "\u{feff}a\r\nb\r\r\n\"c\r\nd\"";
        let text = Text::new(file);
        assert_eq!(text.as_str(), "a\nb\r\n\"c\nd\"");
        for what in ["a", "b", "\"c", "d\""] {
            let at = text.as_str().find(what).unwrap();
            let found = text.in_file(at..at + what.len());
            assert_eq!(&file[found], what);
        }
    }

    #[test]
    fn a_line_for_the_shell_is_no_code() {
        let text = Text::new("#!/usr/bin/env rust\r\nfn a() {}\r\n");
        assert_eq!(text.as_str(), "\nfn a() {}\n");
        // So that its second line is the second one of the file.
        assert_eq!(Text::new("#! [allow(unused)]\n").as_str(), "#! [allow(unused)]\n");
        assert_eq!(Text::new("#!x").as_str(), "");
    }
}
