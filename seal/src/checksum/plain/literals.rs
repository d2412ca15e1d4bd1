//! Literals with a plain value.

use super::writer::Writer;

const INTEGERS: [&str; 13] =
    ["", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize"];

impl Writer<'_> {
    pub(super) fn literal(&mut self) -> Option<()> {
        let text = self.text();
        let bytes = text.as_bytes();
        match bytes.first()? {
            b'"' => self.string(text),
            b'0'..=b'9' => self.number(text),
            b'\'' => self.character(text),
            _ => None,
        }
    }

    /// Writes a string without escapes.
    fn string(&mut self, text: &str) -> Option<()> {
        let value = text.strip_prefix('"')?.strip_suffix('"')?;
        if value.bytes().any(|byte| matches!(byte, b'\\' | b'\r' | b'"')) {
            return None;
        }
        self.value(b's', value.as_bytes(), "");
        Some(())
    }

    fn character(&mut self, text: &str) -> Option<()> {
        let value = text.strip_prefix('\'')?.strip_suffix('\'')?;
        if value.starts_with('\\') || value.chars().count() != 1 {
            return None;
        }
        self.value(b'h', value.as_bytes(), "");
        Some(())
    }

    fn number(&mut self, text: &str) -> Option<()> {
        let bytes = text.as_bytes();
        let mut digits = 0;
        while digits < bytes.len() && bytes[digits].is_ascii_digit() {
            digits += 1;
        }
        if bytes[0] == b'0' && digits > 1 {
            return None;
        }
        let (number, rest) = text.split_at(digits);
        if let Some(fraction) = rest.strip_prefix('.') {
            if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            let value = text.trim_end_matches('0').trim_end_matches('.');
            self.value(b'f', value.as_bytes(), "");
            return Some(());
        }
        if INTEGERS.contains(&rest) {
            self.value(b'n', number.as_bytes(), rest);
            return Some(());
        }
        self.spaced(text)
    }

    /// Writes `1_000_000_i64`.
    fn spaced(&mut self, text: &str) -> Option<()> {
        let end = text.find(|char: char| !char.is_ascii_digit() && char != '_');
        let (digits, suffix) = text.split_at(end.unwrap_or(text.len()));
        if !INTEGERS.contains(&suffix) {
            return None;
        }
        let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
        if digits.len() > 1 && digits.starts_with('0') {
            return None;
        }
        self.value(b'n', digits.as_bytes(), suffix);
        Some(())
    }

    /// Writes a value as `encode` does.
    pub(super) fn value(&mut self, tag: u8, value: &[u8], suffix: &str) {
        self.byte(b'l');
        self.piece(tag, value);
        self.piece(b'x', suffix.as_bytes());
    }
}
