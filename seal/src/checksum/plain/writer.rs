//! The writer: it reads the tokens from left to right, and writes the canonical bytes.

use super::{
    operators,
    tokens::{Delimiter, Keyword, Token, TokenKind, Tokens},
};

/// The room that a piece leaves for what is written without asking for any.
const SPARE: usize = 64;

/// How deep the walk follows groups. The tree decides about deeper nesting.
const DEPTH_MAX: u32 = 64;

/// The bytes of a piece before its value.
const HEADER: usize = 5;

/// Up to so many bytes are copied one by one: a call costs more.
const LOOP_MAX: usize = 8;

pub(super) struct Writer<'t> {
    text: &'t [u8],
    row: &'t [Token],
    at: usize,
    /// The bytes, and room for more: without optimisation, each call of a `Vec` is dear.
    bytes: Box<[u8]>,
    length: usize,
    depth: u32,
}

impl<'t> Writer<'t> {
    /// `bytes` are written already.
    pub(super) fn new(tokens: &'t Tokens, bytes: &[u8]) -> Self {
        let mut writer = Self {
            text: tokens.text.as_bytes(),
            row: &tokens.row,
            at: 0,
            bytes: vec![0; 16 * tokens.row.len() + tokens.text.len() + SPARE].into_boxed_slice(),
            length: 0,
            depth: 0,
        };
        writer.all(bytes);
        writer
    }

    pub(super) fn finish(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    // Reading.

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.row.len()
    }

    pub(super) fn peek(&self) -> TokenKind {
        if self.at < self.row.len() { self.row[self.at].kind } else { TokenKind::End }
    }

    pub(super) fn peek_at(&self, ahead: usize) -> TokenKind {
        let at = self.at + ahead;
        if at < self.row.len() { self.row[at].kind } else { TokenKind::End }
    }

    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    /// Returns the text of a name or a literal, and steps over it.
    pub(super) fn text(&mut self) -> &'t [u8] {
        let Token { start, end, .. } = self.row[self.at];
        self.at += 1;
        &self.text[start..end]
    }

    /// Whether the next token is this word.
    pub(super) fn is_word(&self, word: &[u8]) -> bool {
        self.is_word_at(0, word)
    }

    pub(super) fn is_word_at(&self, ahead: usize, word: &[u8]) -> bool {
        let at = self.at + ahead;
        at < self.row.len() && {
            let Token { start, end, .. } = self.row[at];
            &self.text[start..end] == word
        }
    }

    /// Steps over the group that opens here.
    pub(super) fn skip_group(&mut self) {
        self.at = self.close_of_group() + 1;
    }

    /// Returns the index at which the group that opens here closes.
    pub(super) fn close_of_group(&self) -> usize {
        self.row[self.at].other
    }

    pub(super) fn is(&self, operator: u32) -> bool {
        matches!(self.peek(), TokenKind::Operator(found) if found == operator)
    }

    pub(super) fn is_keyword(&self, keyword: Keyword) -> bool {
        self.peek() == TokenKind::Keyword(keyword)
    }

    /// Whether the next token ends an expression.
    pub(super) fn is_done(&self) -> bool {
        match self.peek() {
            TokenKind::Close | TokenKind::End => true,
            TokenKind::Operator(operator) => {
                operator == operators::SEMICOLON || operator == operators::COMMA
            }
            _ => false,
        }
    }

    /// Whether the last token closed a group with braces.
    pub(super) fn is_behind_brace(&self) -> bool {
        let last = &self.row[self.at - 1];
        last.kind == TokenKind::Close
            && self.row[last.other].kind == TokenKind::Open(Delimiter::Brace)
    }

    /// Whether nothing is between the last token and the next one.
    pub(super) fn is_joined(&self) -> bool {
        self.row[self.at - 1].end == self.row[self.at].start
    }

    /// Returns the index of the next token.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// Whether an operator is among the tokens since `since`.
    pub(super) fn has_any(&self, since: usize, operator: u32) -> bool {
        self.row[since..self.at].iter().any(|token| token.kind == TokenKind::Operator(operator))
    }

    /// Whether the last token was an operator.
    pub(super) fn is_behind(&self, operator: u32) -> bool {
        self.at > 0 && self.row[self.at - 1].kind == TokenKind::Operator(operator)
    }

    /// Steps over an operator, if it is next.
    pub(super) fn take(&mut self, operator: u32) -> bool {
        let is = self.is(operator);
        if is {
            self.at += 1;
        }
        is
    }

    pub(super) fn take_keyword(&mut self, keyword: Keyword) -> bool {
        let is = self.is_keyword(keyword);
        if is {
            self.at += 1;
        }
        is
    }

    /// Steps into a group.
    pub(super) fn enter(&mut self, delimiter: Delimiter) -> Option<()> {
        if self.peek() != TokenKind::Open(delimiter) || self.depth >= DEPTH_MAX {
            return None;
        }
        self.depth += 1;
        self.at += 1;
        Some(())
    }

    /// Steps out of a group, of which all tokens must have been read.
    pub(super) fn leave(&mut self) -> Option<()> {
        if self.peek() != TokenKind::Close {
            return None;
        }
        self.depth -= 1;
        self.at += 1;
        Some(())
    }

    // Writing.

    /// Makes room for `more` bytes, and some to spare.
    fn reserve(&mut self, more: usize) {
        let wanted = self.length + more + SPARE;
        if wanted > self.bytes.len() {
            let mut larger = vec![0; 2 * wanted].into_boxed_slice();
            larger[..self.length].copy_from_slice(&self.bytes[..self.length]);
            self.bytes = larger;
        }
    }

    /// Writes bytes as they are.
    pub(super) fn all(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        let end = self.length + bytes.len();
        if bytes.len() > LOOP_MAX {
            self.bytes[self.length..end].copy_from_slice(bytes);
        } else {
            let mut from = 0;
            while from < bytes.len() {
                self.bytes[self.length + from] = bytes[from];
                from += 1;
            }
        }
        self.length = end;
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.reserve(1);
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    /// Writes a piece as `encode` does.
    pub(super) fn piece(&mut self, tag: u8, value: &[u8]) {
        self.reserve(HEADER);
        let at = self.length;
        self.bytes[at] = tag;
        if value.len() < 256 {
            self.bytes[at + 1] = value.len() as u8;
            self.bytes[at + 2] = 0;
            self.bytes[at + 3] = 0;
            self.bytes[at + 4] = 0;
        } else {
            let length = u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes();
            self.bytes[at + 1..at + HEADER].copy_from_slice(&length);
        }
        self.length = at + HEADER;
        self.all(value);
    }

    pub(super) fn word(&mut self, word: &[u8]) {
        self.piece(b'i', word);
    }

    pub(super) fn operator(&mut self, operator: u32) {
        let [a, b, c, _] = operator.to_le_bytes();
        if operator < 0x100 {
            self.piece(b'p', &[a]);
        } else if operator < 0x1_0000 {
            self.piece(b'p', &[a, b]);
        } else {
            self.piece(b'p', &[a, b, c]);
        }
    }

    /// Writes a name, if the next token is a name and no keyword.
    pub(super) fn name(&mut self) -> Option<()> {
        if self.peek() != TokenKind::Name {
            return None;
        }
        let name = self.text();
        self.word(name);
        Some(())
    }

    pub(super) fn written(&self) -> usize {
        self.length
    }

    /// Puts parentheses around what was written since `since`.
    pub(super) fn fence(&mut self, since: usize) {
        self.reserve(2);
        self.bytes.copy_within(since..self.length, since + 1);
        self.bytes[since] = b'(';
        self.bytes[self.length + 1] = b')';
        self.length += 2;
    }

    /// Removes `count` brackets from both ends of what was written since `since`.
    pub(super) fn strip(&mut self, since: usize, count: usize) {
        self.bytes.copy_within(since + count..self.length, since);
        self.length -= 2 * count;
    }

    pub(super) fn truncate(&mut self, to: usize) {
        self.length = to;
    }

    /// Takes what was written since `since` back.
    pub(super) fn take_back(&mut self, since: usize) -> Vec<u8> {
        let taken = self.bytes[since..self.length].to_vec();
        self.length = since;
        taken
    }

    pub(super) fn overwrite(&mut self, at: usize, byte: u8) {
        self.bytes[at] = byte;
    }

    /// Whether these bytes were written since `since`.
    pub(super) fn has_written(&self, since: usize, bytes: &[u8]) -> bool {
        &self.bytes[since..self.length] == bytes
    }

    /// Whether what was written since `value` repeats what was written from `name` to `named`.
    pub(super) fn repeats(&self, name: usize, named: usize, value: usize) -> bool {
        self.bytes[name..named] == self.bytes[value..self.length]
    }
}
