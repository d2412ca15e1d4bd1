//! The tokens of a body in one row. The caller gives a text, or fills the row from its own kind of
//! tokens.

use super::operators;
use crate::checksum::encode;

/// The tokens of a body: of a text, or added in order, with one method call per token.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// What the names and the literals are cut from.
    pub(crate) text: String,
    pub(crate) row: Vec<Token>,
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

/// A token. The row has no texts of its own: without optimisation, an allocation is dear.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    /// Where its text begins.
    pub(crate) start: usize,
    /// Where its text ends.
    pub(crate) end: usize,
    /// For a token that opens a group, the index of the token that closes it, and the other way round.
    pub(crate) other: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Name,
    Keyword(Keyword),
    Literal,
    /// An operator, packed: see [`operators::pack`].
    Operator(u32),
    Open(Delimiter),
    Close,
    /// `/// …`: only a text has it, and tokens have an attribute in its place.
    Documentation,
    End,
}

/// The words that decide how a row is read. `Other` are the words that no plain body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    As,
    Async,
    Await,
    /// `true`, `false`
    Bool,
    Break,
    Const,
    Continue,
    Dyn,
    Else,
    Enum,
    Fn,
    For,
    If,
    Impl,
    In,
    Let,
    Loop,
    Match,
    Move,
    Mut,
    /// `self`, `Self`, `super`, `crate`: only segments of paths.
    Path,
    Pub,
    Return,
    Static,
    Struct,
    Trait,
    Type,
    /// `_`
    Underscore,
    Use,
    Where,
    While,
    Other,
}

impl Tokens {
    /// Makes an empty row.
    pub fn new() -> Self {
        Self { row: Vec::with_capacity(256), ..Self::default() }
    }

    /// Makes a row of what was cut from a text.
    pub(super) fn whole(text: String, row: Vec<Token>) -> Self {
        Self { text, row, ..Self::default() }
    }

    /// Adds a name or a keyword.
    pub fn name(&mut self, name: &str) {
        self.settle();
        let kind = word(name.as_bytes());
        // A raw name is read only in documents.
        match name.starts_with("r#") {
            true => self.spelt(kind, &encode::name(name)),
            false => self.spelt(kind, name),
        }
    }

    /// Adds a literal, as it is spelt.
    pub fn literal(&mut self, literal: &str) {
        self.settle();
        self.spelt(TokenKind::Literal, literal);
    }

    fn spelt(&mut self, kind: TokenKind, text: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        self.row.push(Token { kind, start, end: self.text.len(), other: 0 });
    }

    /// Adds one character of punctuation. `is_joint` tells whether the next character belongs to it.
    pub fn punctuation(&mut self, character: char, is_joint: bool) {
        if !is_joint && self.joined.is_empty() && character.is_ascii() {
            self.operator(u32::from(character), &[character as u8]);
            self.text.push(' ');
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
        self.row.push(Token { kind, start: 0, end: 0, other });
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
            let spelt = self.joined[rest..rest + length].to_vec();
            self.operator(operator, &spelt);
            rest += length;
        }
        self.text.push(' ');
        self.joined.clear();
    }

    /// Adds an operator. Those that are joined touch each other in the text.
    fn operator(&mut self, operator: u32, spelt: &[u8]) {
        let start = self.text.len();
        spelt.iter().for_each(|byte| self.text.push(char::from(*byte)));
        let kind = TokenKind::Operator(operator);
        self.row.push(Token { kind, start, end: self.text.len(), other: 0 });
    }

    /// Returns the text of the token at an index.
    pub(crate) fn word(&self, index: usize) -> &[u8] {
        match self.row.get(index) {
            Some(token) => &self.text.as_bytes()[token.start..token.end],
            None => b"",
        }
    }

    /// Returns the kind of the token at an index.
    pub(crate) fn kind(&self, index: usize) -> TokenKind {
        match index < self.row.len() {
            true => self.row[index].kind,
            false => TokenKind::End,
        }
    }

    /// Returns how many tokens there are.
    pub(crate) fn len(&self) -> usize {
        self.row.len()
    }

    /// Returns the index at which the group closes that opens at an index.
    pub(crate) fn close_of(&self, index: usize) -> usize {
        self.row[index].other
    }

    /// Returns the text from one token to another.
    pub(crate) fn between(&self, first: usize, last: usize) -> &str {
        let end = self.row.get(last).map_or(self.text.len(), |token| token.end);
        &self.text[self.row[first].start..end]
    }

    /// Returns the text from the token at an index to the end of the group at another.
    pub(crate) fn text_between(&self, from: usize, group: usize) -> &str {
        &self.text[self.row[from].start..self.row[self.row[group].other].end]
    }

    /// Whether the token at an index is this character and no longer operator.
    pub(crate) fn is(&self, index: usize, character: u8) -> bool {
        matches!(self.kind(index), TokenKind::Operator(found) if found == u32::from(character))
    }

    /// Returns the text of the group that opens at an index, with its brackets.
    pub(crate) fn group(&self, index: usize) -> &str {
        let open = self.row[index];
        &self.text[open.start..self.row[open.other].end]
    }

    /// Whether an `async` stands behind a `|`: `|tx| async { … }` may be a mistake.
    pub fn has_async_behind_bar(&self) -> bool {
        let kinds = |pair: &[Token]| (pair[0].kind, pair[1].kind);
        self.row.windows(2).map(kinds).any(|pair| {
            pair == (TokenKind::Operator(operators::OR), TokenKind::Keyword(Keyword::Async))
        })
    }
}

/// Returns what a word is.
pub(super) fn word(name: &[u8]) -> TokenKind {
    match keyword(name) {
        None => TokenKind::Name,
        Some(keyword) => TokenKind::Keyword(keyword),
    }
}

/// Returns the keyword that a name is. It compares bytes: without optimisation, each comparison of
/// strings is a call.
///
/// Words such as `default` and `union` are names, as everywhere else: the walk reads nothing in which
/// they are not.
fn keyword(name: &[u8]) -> Option<Keyword> {
    Some(match name {
        b"as" => Keyword::As,
        b"async" => Keyword::Async,
        b"await" => Keyword::Await,
        b"break" => Keyword::Break,
        b"const" => Keyword::Const,
        b"continue" => Keyword::Continue,
        b"dyn" => Keyword::Dyn,
        b"else" => Keyword::Else,
        b"enum" => Keyword::Enum,
        b"fn" => Keyword::Fn,
        b"for" => Keyword::For,
        b"if" => Keyword::If,
        b"impl" => Keyword::Impl,
        b"in" => Keyword::In,
        b"let" => Keyword::Let,
        b"loop" => Keyword::Loop,
        b"match" => Keyword::Match,
        b"move" => Keyword::Move,
        b"mut" => Keyword::Mut,
        b"pub" => Keyword::Pub,
        b"return" => Keyword::Return,
        b"static" => Keyword::Static,
        b"struct" => Keyword::Struct,
        b"trait" => Keyword::Trait,
        b"type" => Keyword::Type,
        b"use" => Keyword::Use,
        b"where" => Keyword::Where,
        b"while" => Keyword::While,
        b"_" => Keyword::Underscore,
        b"self" | b"Self" | b"super" | b"crate" => Keyword::Path,
        b"true" | b"false" => Keyword::Bool,
        [b'r', b'#', ..] => Keyword::Other,
        b"abstract" | b"become" | b"box" | b"builtin" | b"do" | b"extern" | b"final" | b"gen"
        | b"macro" | b"macro_rules" | b"mod" | b"override" | b"priv" | b"ref" | b"try"
        | b"typeof" | b"unsafe" | b"unsized" | b"virtual" | b"yield" => Keyword::Other,
        _ => return None,
    })
}
