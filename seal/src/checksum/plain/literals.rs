//! Literals with a plain value.

use super::writer::Writer;

const INTEGERS: [&[u8]; 12] = [
    b"i8", b"i16", b"i32", b"i64", b"i128", b"isize", b"u8", b"u16", b"u32", b"u64", b"u128",
    b"usize",
];

impl Writer<'_> {
    pub(super) fn literal(&mut self) -> Option<()> {
        let text = self.text();
        match text.first()? {
            b'"' => self.string(text),
            b'0'..=b'9' => self.number(text),
            b'\'' => self.character(text),
            b'r' => self.raw_string(text),
            _ => None,
        }
    }

    fn string(&mut self, text: &[u8]) -> Option<()> {
        let inside = inside(text, b'"')?;
        let mut at = 0;
        while at < inside.len() {
            match inside[at] {
                b'\\' => {
                    let value = unescaped(inside)?;
                    self.value(b's', &value, b"");
                    return Some(());
                }
                b'\r' | b'"' => return None,
                _ => at += 1,
            }
        }
        self.value(b's', inside, b"");
        Some(())
    }

    /// Writes `r"…"` or `r#"…"#`.
    fn raw_string(&mut self, text: &[u8]) -> Option<()> {
        let rest = &text[1..];
        let hashes = rest.iter().take_while(|byte| **byte == b'#').count();
        let quoted = rest.get(hashes..rest.len().checked_sub(hashes)?)?;
        let inside = inside(quoted, b'"')?;
        if rest[rest.len() - hashes..].iter().any(|byte| *byte != b'#') || inside.contains(&b'\r') {
            return None;
        }
        self.value(b's', inside, b"");
        Some(())
    }

    fn character(&mut self, text: &[u8]) -> Option<()> {
        let inside = inside(text, b'\'')?;
        let value = if inside.contains(&b'\\') { unescaped(inside)? } else { inside.to_vec() };
        if std::str::from_utf8(&value).ok()?.chars().count() != 1 || inside == b"'" {
            return None;
        }
        self.value(b'h', &value, b"");
        Some(())
    }

    fn number(&mut self, text: &[u8]) -> Option<()> {
        let mut digits = 0;
        while digits < text.len() && text[digits].is_ascii_digit() {
            digits += 1;
        }
        if text[0] == b'0' && digits > 1 {
            return None;
        }
        if digits == text.len() {
            self.value(b'n', text, b"");
            return Some(());
        }
        let (number, rest) = text.split_at(digits);
        if let Some(fraction) = rest.strip_prefix(b".") {
            if fraction.is_empty() || !fraction.iter().all(u8::is_ascii_digit) {
                return None;
            }
            let mut value = text;
            while let Some(shorter) = value.strip_suffix(b"0") {
                value = shorter;
            }
            self.value(b'f', value.strip_suffix(b".").unwrap_or(value), b"");
            return Some(());
        }
        if INTEGERS.contains(&rest) {
            self.value(b'n', number, rest);
            return Some(());
        }
        self.spaced(text)
    }

    /// Writes `1_000_000_i64`.
    fn spaced(&mut self, text: &[u8]) -> Option<()> {
        let end = text.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'_');
        let (digits, suffix) = text.split_at(end.unwrap_or(text.len()));
        if !suffix.is_empty() && !INTEGERS.contains(&suffix) {
            return None;
        }
        let digits: Vec<u8> = digits.iter().copied().filter(u8::is_ascii_digit).collect();
        if digits.len() > 1 && digits[0] == b'0' {
            return None;
        }
        self.value(b'n', &digits, suffix);
        Some(())
    }

    /// Writes a value as `encode` does.
    pub(super) fn value(&mut self, tag: u8, value: &[u8], suffix: &[u8]) {
        self.byte(b'l');
        self.piece(tag, value);
        self.piece(b'x', suffix);
    }
}

/// Returns what is between two marks.
fn inside(text: &[u8], mark: u8) -> Option<&[u8]> {
    match text {
        [first, inside @ .., last] if *first == mark && *last == mark => Some(inside),
        _ => None,
    }
}

/// Returns a text with its escapes replaced, if all of them are of the usual ones.
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut value = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'\\' => {
                at += 1;
                value.push(match text.get(at)? {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'0' => 0,
                    same @ (b'\\' | b'"' | b'\'') => *same,
                    b'\n' => {
                        while let Some(b' ' | b'\n' | b'\t') = text.get(at) {
                            at += 1;
                        }
                        // Other space is left to the tree.
                        if text.get(at).is_some_and(|byte| !matches!(byte, 0x21..0x7f)) {
                            return None;
                        }
                        continue;
                    }
                    _ => return None,
                });
            }
            b'\r' | b'"' => return None,
            byte => value.push(byte),
        }
        at += 1;
    }
    Some(value)
}
