//! Tokens as bytes. Every piece has a tag and a length, so that no two sequences have the same bytes.
//!
//! Spaces and the spelling of values do not show: `1_000` is `1000`, a raw string is its text, and
//! joined punctuation is cut into the operators of the language.

use std::borrow::Cow;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use syn::Lit;

/// Operators of more than one character, longest first.
pub(super) const OPERATORS: [&str; 24] = [
    "<<=", ">>=", "...", "..=", "::", "->", "=>", "==", "!=", "<=", ">=", "&&", "||", "+=", "-=",
    "*=", "/=", "%=", "^=", "&=", "|=", "<<", ">>", "..",
];

/// Returns a name as every edition spells it: `r#gen` is `gen`, as `cargo fix --edition` writes `r#gen`
/// where `gen` becomes a keyword. A word that is a keyword in every edition stays raw: `r#type` never
/// was `type`.
///
/// Letters are composed as the compiler composes them. The compiler's own tokens are composed already.
pub(super) fn name(written: &str) -> Cow<'_, str> {
    let plain = match written.strip_prefix("r#") {
        Some(word) if !KEYWORDS.contains(&word) => word,
        _ => written,
    };
    #[cfg(feature = "sources")]
    if !plain.is_ascii() {
        use unicode_normalization::UnicodeNormalization as _;
        return Cow::Owned(plain.nfc().collect());
    }
    Cow::Borrowed(plain)
}

/// The keywords of every edition in which a migration can be written.
const KEYWORDS: [&str; 51] = [
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue",
    "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

pub(super) struct Bytes(Vec<u8>);

impl Bytes {
    pub(super) fn new(algorithm: &str) -> Self {
        let mut bytes = Self(Vec::new());
        bytes.text(algorithm);
        bytes
    }

    pub(super) fn text(&mut self, text: &str) {
        self.piece(b't', text.as_bytes());
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    fn piece(&mut self, tag: u8, value: &[u8]) {
        self.0.push(tag);
        // No token has 4 GiB: the compiler's own spans have 32 bits.
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(value);
    }

    pub(super) fn tokens(&mut self, tokens: TokenStream) {
        self.0.push(b'<');
        self.sequence(tokens);
        self.0.push(b'>');
    }

    fn sequence(&mut self, tokens: TokenStream) {
        let mut joined = String::new();
        for tree in tokens {
            if let TokenTree::Punct(punct) = &tree {
                joined.push(punct.as_char());
                if punct.spacing() == Spacing::Joint {
                    continue;
                }
            }
            self.operators(&mut joined);
            match tree {
                TokenTree::Punct(_) => {}
                TokenTree::Ident(ident) => {
                    self.piece(b'i', name(&ident.to_string()).as_bytes());
                }
                TokenTree::Literal(literal) => self.literal(&Lit::new(literal)),
                TokenTree::Group(group) => self.group(&group),
            }
        }
        self.operators(&mut joined);
    }

    /// Cuts joined punctuation into operators, longest first, as the language does.
    fn operators(&mut self, joined: &mut String) {
        let mut rest = joined.as_str();
        if rest.len() == 1 {
            self.piece(b'p', rest.as_bytes());
            rest = "";
        }
        while let Some(first) = rest.chars().next() {
            let operator = OPERATORS.into_iter().find(|operator| rest.starts_with(operator));
            let length = operator.map_or(first.len_utf8(), str::len);
            self.piece(b'p', &rest.as_bytes()[..length]);
            rest = &rest[length..];
        }
        joined.clear();
    }

    fn group(&mut self, group: &Group) {
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => (b'(', b')'),
            Delimiter::Brace => (b'{', b'}'),
            Delimiter::Bracket => (b'[', b']'),
            // Invisible: a `macro_rules!` around the code makes such groups.
            Delimiter::None => return self.sequence(group.stream()),
        };
        self.0.push(open);
        self.sequence(group.stream());
        self.0.push(close);
    }

    fn literal(&mut self, literal: &Lit) {
        match literal {
            Lit::Str(text) => self.literal_with(b's', text.value().as_bytes(), text.suffix()),
            Lit::ByteStr(bytes) => self.literal_with(b'b', &bytes.value(), bytes.suffix()),
            Lit::CStr(text) => self.literal_with(b'c', text.value().to_bytes(), text.suffix()),
            Lit::Byte(byte) => self.literal_with(b'y', &[byte.value()], byte.suffix()),
            Lit::Char(char) => {
                self.literal_with(b'h', char.value().to_string().as_bytes(), char.suffix());
            }
            Lit::Int(int) => self.literal_with(b'n', int.base10_digits().as_bytes(), int.suffix()),
            Lit::Float(float) => {
                let digits = float.base10_digits();
                let digits = if digits.contains('.') && !digits.contains(['e', 'E']) {
                    digits.trim_end_matches('0').trim_end_matches('.')
                } else {
                    digits
                };
                self.literal_with(b'f', digits.as_bytes(), float.suffix());
            }
            Lit::Bool(bool) => self.piece(b'i', bool.value.to_string().as_bytes()),
            other => {
                let tokens = quote::ToTokens::to_token_stream(other).to_string();
                self.piece(b'v', tokens.as_bytes());
            }
        }
    }

    fn literal_with(&mut self, tag: u8, value: &[u8], suffix: &str) {
        self.0.push(b'l');
        self.piece(tag, value);
        self.piece(b'x', suffix.as_bytes());
    }
}
