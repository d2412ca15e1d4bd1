//! The tokens of a body in one row. The caller fills the row from its own kind of tokens.

use super::operators;
use crate::checksum::encode;

/// The tokens of a body. The caller adds them in order, with one method call per token.
#[derive(Debug, Default)]
pub struct Tokens {
    pub(super) row: Vec<Token>,
    /// The indices of the open groups.
    open: Vec<usize>,
    /// Punctuation that is joined with the next token.
    joined: Vec<u8>,
}

/// The brackets of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// `( )`
    Parenthesis,
    /// `{ }`
    Brace,
    /// `[ ]`
    Bracket,
}

impl Delimiter {
    pub(super) const fn bytes(self) -> (u8, u8) {
        match self {
            Self::Parenthesis => (b'(', b')'),
            Self::Brace => (b'{', b'}'),
            Self::Bracket => (b'[', b']'),
        }
    }
}

#[derive(Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// The text of a name or a literal.
    pub(super) text: String,
    /// For a token that opens a group, the index of the token that closes it, and the other way round.
    pub(super) other: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Name,
    Keyword(Keyword),
    Literal,
    /// An operator, packed: see [`operators::pack`].
    Operator(u32),
    Open(Delimiter),
    Close,
    End,
}

/// The words that decide how a row is read. `Other` are the words that no plain body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    As,
    Async,
    Await,
    /// `true`, `false`
    Bool,
    Break,
    Continue,
    Else,
    For,
    If,
    In,
    Let,
    Loop,
    Match,
    Move,
    Mut,
    /// `self`, `Self`, `super`, `crate`: only segments of paths.
    Path,
    Return,
    /// `_`
    Underscore,
    While,
    Other,
}

impl Tokens {
    /// Makes an empty row.
    pub fn new() -> Self {
        Self { row: Vec::with_capacity(256), ..Self::default() }
    }

    /// Adds a name or a keyword.
    pub fn name(&mut self, text: String) {
        self.settle();
        let kind = match keyword(&text) {
            None => TokenKind::Name,
            Some(keyword) => TokenKind::Keyword(keyword),
        };
        // A raw name is read only in documents.
        let text = match text.starts_with("r#") {
            true => encode::name(&text).into_owned(),
            false => text,
        };
        self.row.push(Token { kind, text, other: 0 });
    }

    /// Adds a literal, as it is spelt.
    pub fn literal(&mut self, text: String) {
        self.settle();
        self.row.push(Token { kind: TokenKind::Literal, text, other: 0 });
    }

    /// Adds one character of punctuation. `is_joint` tells whether the next character belongs to it.
    pub fn punctuation(&mut self, character: char, is_joint: bool) {
        if !is_joint && self.joined.is_empty() && character.is_ascii() {
            self.bare(TokenKind::Operator(u32::from(character)), 0);
            return;
        }
        // A character that is not ASCII is no operator: the walk gives up at the 0.
        self.joined.push(u8::try_from(character).unwrap_or(0));
        if !is_joint {
            self.settle();
        }
    }

    /// Begins a group.
    pub fn open(&mut self, delimiter: Delimiter) {
        self.settle();
        self.open.push(self.row.len());
        self.bare(TokenKind::Open(delimiter), 0);
    }

    /// Ends the group that began last.
    pub fn close(&mut self) {
        self.settle();
        let open = self.open.pop().unwrap_or(0);
        let close = self.row.len();
        if let Some(token) = self.row.get_mut(open) {
            token.other = close;
        }
        self.bare(TokenKind::Close, open);
    }

    fn bare(&mut self, kind: TokenKind, other: usize) {
        self.row.push(Token { kind, text: String::new(), other });
    }

    /// Cuts joined punctuation into operators.
    fn settle(&mut self) {
        if self.joined.is_empty() {
            return;
        }
        let mut rest = 0;
        while rest < self.joined.len() {
            let length = operators::longest(&self.joined[rest..]);
            let operator = operators::pack(&self.joined[rest..rest + length]);
            self.bare(TokenKind::Operator(operator), 0);
            rest += length;
        }
        self.joined.clear();
    }
}

/// Returns the keyword that a name is. It compares bytes: without optimisation, each comparison of
/// strings is a call.
fn keyword(name: &str) -> Option<Keyword> {
    Some(match name.as_bytes() {
        b"as" => Keyword::As,
        b"async" => Keyword::Async,
        b"await" => Keyword::Await,
        b"break" => Keyword::Break,
        b"continue" => Keyword::Continue,
        b"else" => Keyword::Else,
        b"for" => Keyword::For,
        b"if" => Keyword::If,
        b"in" => Keyword::In,
        b"let" => Keyword::Let,
        b"loop" => Keyword::Loop,
        b"match" => Keyword::Match,
        b"move" => Keyword::Move,
        b"mut" => Keyword::Mut,
        b"return" => Keyword::Return,
        b"while" => Keyword::While,
        b"_" => Keyword::Underscore,
        b"self" | b"Self" | b"super" | b"crate" => Keyword::Path,
        b"true" | b"false" => Keyword::Bool,
        [b'r', b'#', ..] => Keyword::Other,
        b"abstract" | b"auto" | b"become" | b"box" | b"builtin" | b"const" | b"default" | b"do"
        | b"dyn" | b"enum" | b"extern" | b"final" | b"fn" | b"gen" | b"impl" | b"macro"
        | b"macro_rules" | b"mod" | b"override" | b"priv" | b"pub" | b"raw" | b"ref" | b"safe"
        | b"static" | b"struct" | b"trait" | b"try" | b"type" | b"typeof" | b"union"
        | b"unsafe" | b"unsized" | b"use" | b"virtual" | b"where" | b"yield" => Keyword::Other,
        _ => return None,
    })
}
