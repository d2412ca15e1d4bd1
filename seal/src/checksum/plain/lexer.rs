//! Cuts a text into tokens, as the compiler does.
//!
//! The compiler hands out its own tokens one by one, and each costs a macro without optimisation more
//! than the letters that it has. What is rare in bodies is not cut: then the compiler's tokens decide.

use super::{
    comments,
    operators::{self, longest, pack},
    tokens::{self, Delimiter, Keyword, Token, TokenKind, Tokens},
};
use crate::checksum::encode;

/// How deep groups are followed.
const DEPTH_MAX: usize = 128;

/// What a byte can begin.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Nothing,
    Space,
    /// A name, a keyword, or the prefix of a literal.
    Word,
    Digit,
    Text,
    Apostrophe,
    Operator,
    Open(Delimiter),
    Close(Delimiter),
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Nothing; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b' ' | b'\n' | b'\t' | b'\r' | 0x0b | 0x0c => Class::Space,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => Class::Word,
            b'0'..=b'9' => Class::Digit,
            b'"' => Class::Text,
            b'\'' => Class::Apostrophe,
            b'(' => Class::Open(Delimiter::Parenthesis),
            b'{' => Class::Open(Delimiter::Brace),
            b'[' => Class::Open(Delimiter::Bracket),
            b')' => Class::Close(Delimiter::Parenthesis),
            b'}' => Class::Close(Delimiter::Brace),
            b']' => Class::Close(Delimiter::Bracket),
            b'!' | b'#' | b'$' | b'%' | b'&' | b'*' | b'+' | b',' | b'-' | b'.' | b'/' | b':'
            | b';' | b'<' | b'=' | b'>' | b'?' | b'@' | b'^' | b'|' | b'~' => Class::Operator,
            _ => Class::Nothing,
        };
        byte += 1;
    }
    classes
};

impl Tokens {
    /// Cuts a text. `None` if it holds what this module does not know, or no whole groups.
    pub fn of_text(text: String) -> Option<Self> {
        Self::cut(text, false)
    }

    /// Cuts a file's text. The bodies of functions are passed over: their groups are empty.
    pub fn of_items(text: String) -> Option<Self> {
        Self::cut(text, true)
    }

    fn cut(text: String, without_bodies: bool) -> Option<Self> {
        let mut row = Vec::with_capacity(text.len() / 4 + 16);
        let bytes = text.as_bytes();
        let mut open: Vec<(usize, Delimiter)> = Vec::new();
        let (mut at, mut is_in_signature) = (0, false);
        while at < bytes.len() {
            let start = at;
            let kind = match CLASSES[bytes[at] as usize] {
                Class::Space => {
                    at += 1;
                    continue;
                }
                Class::Word => {
                    at = word_end(bytes, at);
                    match bytes.get(at) {
                        Some(b'"' | b'\'' | b'#') => {
                            let (end, kind) = prefixed(bytes, start, at)?;
                            at = end;
                            kind
                        }
                        Some(128..) => {
                            at = letters_end(bytes, at);
                            TokenKind::Operator(0)
                        }
                        _ => tokens::word(&bytes[start..at]),
                    }
                }
                Class::Digit => {
                    at = number_end(bytes, at);
                    TokenKind::Literal
                }
                Class::Text => {
                    at = text_end(bytes, at)?;
                    TokenKind::Literal
                }
                Class::Apostrophe => match character_end(bytes, at)? {
                    Some(end) => {
                        at = end;
                        TokenKind::Literal
                    }
                    None => {
                        at += 1;
                        TokenKind::Operator(operators::APOSTROPHE)
                    }
                },
                Class::Open(Delimiter::Brace) if is_in_signature => {
                    is_in_signature = false;
                    at = block_end(bytes, at)?;
                    let index = row.len();
                    let (kind, close) = (TokenKind::Open(Delimiter::Brace), TokenKind::Close);
                    row.push(Token { kind, start, end: start + 1, other: index + 1 });
                    row.push(Token { kind: close, start: at - 1, end: at, other: index });
                    continue;
                }
                Class::Open(delimiter) => {
                    if open.len() >= DEPTH_MAX {
                        return None;
                    }
                    open.push((row.len(), delimiter));
                    at += 1;
                    TokenKind::Open(delimiter)
                }
                Class::Close(delimiter) => {
                    let (index, opened) = open.pop()?;
                    if opened != delimiter {
                        return None;
                    }
                    is_in_signature &= delimiter != Delimiter::Brace;
                    at += 1;
                    let close = row.len();
                    let opening: &mut Token = &mut row[index];
                    opening.other = close;
                    row.push(Token { kind: TokenKind::Close, start, end: at, other: index });
                    continue;
                }
                // Most operators have one character.
                Class::Operator if !is_operator(bytes, at + 1) => {
                    at += 1;
                    TokenKind::Operator(u32::from(bytes[start]))
                }
                Class::Operator => match comments::comment(&bytes[at..]) {
                    0 => {
                        at += longest(&bytes[at..]);
                        TokenKind::Operator(pack(&bytes[start..at]))
                    }
                    length => {
                        let comment = &bytes[at..at + length];
                        at += length;
                        match comments::is_documentation(comment) {
                            false => continue,
                            // Of what is around it: no operator, so that the walk gives up here.
                            true if comment[2] == b'!' => TokenKind::Operator(0),
                            true => TokenKind::Documentation,
                        }
                    }
                },
                // A letter: the walk gives up at the 0, as it does not know how letters are composed.
                Class::Nothing if bytes[at] >= 128 => {
                    at = letters_end(bytes, at);
                    TokenKind::Operator(0)
                }
                Class::Nothing => return None,
            };
            if kind == TokenKind::Literal && at < bytes.len() && is_word(bytes[at]) {
                return None;
            }
            if without_bodies {
                is_in_signature = match kind {
                    TokenKind::Keyword(Keyword::Fn) => true,
                    TokenKind::Operator(operators::SEMICOLON) => false,
                    _ => is_in_signature,
                };
            }
            row.push(Token { kind, start, end: at, other: 0 });
        }
        if !open.is_empty() {
            return None;
        }
        Some(Self::whole(text, row))
    }

    /// Whether another text has the same tokens, with other space between them. It was printed: it has no
    /// comments but documentation.
    pub fn are_those_of(&self, printed: &str) -> bool {
        let (own, other) = (self.text.as_bytes(), printed.as_bytes());
        let (mut index, mut at) = (0, 0);
        while index < self.row.len() {
            let Token { kind, start, end, .. } = self.row[index];
            index += 1;
            while at < other.len() && matches!(CLASSES[other[at] as usize], Class::Space) {
                at += 1;
            }
            if at + (end - start) > other.len() {
                return false;
            }
            let begin = at;
            let mut from = start;
            while from < end {
                if own[from] != other[at] {
                    return false;
                }
                from += 1;
                at += 1;
            }
            // Two tokens are not one.
            let is_longer = match kind {
                TokenKind::Operator(_) => {
                    let is_single = !is_operator(other, begin + 1);
                    if is_single {
                        end - start > 1
                    } else {
                        longest(&other[begin..]) != end - start
                    }
                }
                TokenKind::Name | TokenKind::Keyword(_) | TokenKind::Literal => {
                    at < other.len() && is_word(other[at])
                }
                TokenKind::Documentation => {
                    own[start + 1] == b'/' && at < other.len() && other[at] != b'\n'
                }
                _ => false,
            };
            if is_longer {
                return false;
            }
        }
        other[at..].iter().all(|byte| CLASSES[*byte as usize] == Class::Space)
    }
}

/// Whether a byte can be in a name, or is part of a letter that is not ASCII.
fn is_word(byte: u8) -> bool {
    byte >= 128 || matches!(CLASSES[byte as usize], Class::Word | Class::Digit)
}

/// Whether a byte may belong to an operator or a comment.
fn is_operator(bytes: &[u8], at: usize) -> bool {
    at < bytes.len() && matches!(CLASSES[bytes[at] as usize], Class::Operator)
}

fn word_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && matches!(CLASSES[bytes[at] as usize], Class::Word | Class::Digit) {
        at += 1;
    }
    at
}

/// The bytes that may begin or end a block, or something that holds a brace which is none.
static STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let mut at = 0;
    while at < 256 {
        stops[at] = matches!(at as u8, b'{' | b'}' | b'"' | b'\'' | b'/' | b'r');
        at += 1;
    }
    stops
};

/// Returns the end of a block. Only what may hold a brace is looked at.
fn block_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_u32;
    loop {
        while at < bytes.len() && !STOPS[bytes[at] as usize] {
            at += 1;
        }
        match *bytes.get(at)? {
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(at + 1),
            b'}' => depth -= 1,
            b'"' => {
                at = text_end(bytes, at)?;
                continue;
            }
            b'\'' => {
                at = character_end(bytes, at)?.unwrap_or(at + 1);
                continue;
            }
            b'/' => {
                at += comments::comment(&bytes[at..]).max(1);
                continue;
            }
            b'r' if matches!(bytes.get(at + 1), Some(b'"' | b'#')) => {
                let mut start = at;
                while start > 0 && is_word(bytes[start - 1]) {
                    start -= 1;
                }
                at = prefixed(bytes, start, at + 1)?.0;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

/// Returns the end of `r"…"`, `r#"…"#`, `b"…"`, `r#name` and the like. `prefix` is where the word ends.
fn prefixed(bytes: &[u8], start: usize, prefix: usize) -> Option<(usize, TokenKind)> {
    let end = match (&bytes[start..prefix], bytes[prefix]) {
        (b"b" | b"c", b'"') => text_end(bytes, prefix)?,
        (b"b", b'\'') => character_end(bytes, prefix)??,
        (b"r" | b"br" | b"cr", b'"' | b'#') => {
            let mut at = prefix;
            while at < bytes.len() && bytes[at] == b'#' {
                at += 1;
            }
            let hashes = at - prefix;
            if bytes.get(at) != Some(&b'"') {
                return raw_name(bytes, start, prefix);
            }
            raw_text_end(bytes, at + 1, hashes)?
        }
        _ => return None,
    };
    Some((end, TokenKind::Literal))
}

/// Returns the end of `r#name`. The walk gives up at a name that is no keyword, and is plain elsewhere.
fn raw_name(bytes: &[u8], start: usize, prefix: usize) -> Option<(usize, TokenKind)> {
    let end = letters_end(bytes, prefix + 1);
    let name = std::str::from_utf8(&bytes[start..end]).ok()?;
    if bytes[start..prefix] != *b"r" || end == prefix + 1 {
        return None;
    }
    let stays = name.is_ascii() && encode::name(name) == name;
    Some((end, if stays { TokenKind::Keyword(Keyword::Other) } else { TokenKind::Operator(0) }))
}

fn letters_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && is_word(bytes[at]) {
        at += 1;
    }
    at
}

fn raw_text_end(bytes: &[u8], mut at: usize, hashes: usize) -> Option<usize> {
    loop {
        if *bytes.get(at)? == b'"' {
            let mut behind = at + 1;
            while behind < bytes.len() && bytes[behind] == b'#' && behind - at - 1 < hashes {
                behind += 1;
            }
            if behind - at - 1 == hashes {
                return Some(behind);
            }
        }
        at += 1;
    }
}

/// Returns the end of a text. `at` is its first quotation mark.
fn text_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    at += 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

/// Returns the end of `'a'`. The inner `None` is a lifetime.
fn character_end(bytes: &[u8], at: usize) -> Option<Option<usize>> {
    let first = *bytes.get(at + 1)?;
    if first == b'\\' {
        let mut end = at + 3;
        while *bytes.get(end)? != b'\'' {
            end += 1;
        }
        return Some(Some(end + 1));
    }
    let length = match first {
        0..128 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    };
    if bytes.get(at + 1 + length) == Some(&b'\'') {
        return (first != b'\'').then_some(Some(at + length + 2));
    }
    if first >= 128 || CLASSES[first as usize] != Class::Word {
        return None;
    }
    // `'r#a`, `'a'` of more than a letter.
    match bytes.get(word_end(bytes, at + 1)) {
        Some(b'\'' | b'#' | b'"') => None,
        _ => Some(None),
    }
}

/// Returns the end of a number with its suffix.
fn number_end(bytes: &[u8], at: usize) -> usize {
    let next = |at: usize| bytes.get(at).copied().unwrap_or(0);
    if next(at) == b'0' && matches!(next(at + 1), b'x' | b'o' | b'b') {
        return word_end(bytes, at);
    }
    let digits = |mut at: usize| {
        while matches!(next(at), b'0'..=b'9' | b'_') {
            at += 1;
        }
        at
    };
    let mut end = digits(at);
    if next(end) == b'.' {
        let behind = next(end + 1);
        if behind == b'.' || behind >= 128 || CLASSES[behind as usize] == Class::Word {
            return end;
        }
        end = digits(end + 1);
    }
    if matches!(next(end), b'e' | b'E') && matches!(next(end + 1), b'+' | b'-') {
        end += 2;
    }
    word_end(bytes, end)
}
