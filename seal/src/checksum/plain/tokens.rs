//! Tokens in one row, read once from whoever has them.

use super::operators;
use crate::checksum::encode;

/// The tokens of a body. Whoever fills it calls one method per token, in their order.
#[derive(Debug, Default)]
pub struct Tokens {
    pub(super) row: Vec<Token>,
    /// Where the open groups stand.
    open: Vec<usize>,
    /// Punctuation that is joined with what follows.
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
    pub(super) kind: Kind,
    /// Of a name or a literal.
    pub(super) text: String,
    /// Where the group closes that opens here, or opens that closes here.
    pub(super) other: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Keyword(Keyword),
    Literal,
    /// An operator, packed: see [`operators::pack`].
    Operator(u32),
    Open(Delimiter),
    Close,
    End,
}

/// The words that decide how a row is read. All that no plain body holds are `Other`.
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
    /// `self`, `Self`, `super`, `crate`: nothing but segments of paths.
    Path,
    Return,
    /// `_`
    Underscore,
    While,
    Other,
}

impl Tokens {
    /// None yet.
    pub fn new() -> Self {
        Self { row: Vec::with_capacity(256), ..Self::default() }
    }

    /// A name or a keyword.
    pub fn name(&mut self, text: String) {
        self.settle();
        let kind = match keyword(&text) {
            None => Kind::Name,
            Some(keyword) => Kind::Keyword(keyword),
        };
        // Of what is raw, only documents are read here.
        let text = match text.starts_with("r#") {
            true => encode::name(&text).into_owned(),
            false => text,
        };
        self.row.push(Token { kind, text, other: 0 });
    }

    /// A literal, as it is spelt.
    pub fn literal(&mut self, text: String) {
        self.settle();
        self.row.push(Token { kind: Kind::Literal, text, other: 0 });
    }

    /// One character of punctuation, and whether the next one belongs to it.
    pub fn punctuation(&mut self, character: char, is_joint: bool) {
        if !is_joint && self.joined.is_empty() && character.is_ascii() {
            self.bare(Kind::Operator(u32::from(character)), 0);
            return;
        }
        // What is not ASCII is no operator either, and nothing will know it.
        self.joined.push(u8::try_from(character).unwrap_or(0));
        if !is_joint {
            self.settle();
        }
    }

    /// A group begins.
    pub fn open(&mut self, delimiter: Delimiter) {
        self.settle();
        self.open.push(self.row.len());
        self.bare(Kind::Open(delimiter), 0);
    }

    /// The group ends that began last.
    pub fn close(&mut self) {
        self.settle();
        let open = self.open.pop().unwrap_or(0);
        let close = self.row.len();
        if let Some(token) = self.row.get_mut(open) {
            token.other = close;
        }
        self.bare(Kind::Close, open);
    }

    fn bare(&mut self, kind: Kind, other: usize) {
        self.row.push(Token { kind, text: String::new(), other });
    }

    /// Cuts what is joined into operators.
    fn settle(&mut self) {
        if self.joined.is_empty() {
            return;
        }
        let mut rest = 0;
        while rest < self.joined.len() {
            let length = operators::longest(&self.joined[rest..]);
            let operator = operators::pack(&self.joined[rest..rest + length]);
            self.bare(Kind::Operator(operator), 0);
            rest += length;
        }
        self.joined.clear();
    }
}

/// By bytes: a comparison of strings is a call each where nobody optimises.
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
