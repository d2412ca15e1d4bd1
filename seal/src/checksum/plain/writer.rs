//! The writer: it reads the tokens from left to right, and writes the canonical bytes.

use super::{
    operators,
    tokens::{Delimiter, Keyword, Token, TokenKind, Tokens},
};

/// How deep the walk follows groups. The tree decides about deeper nesting.
const DEPTH_MAX: u32 = 64;

pub(super) struct Writer<'t> {
    row: &'t [Token],
    at: usize,
    bytes: Vec<u8>,
    depth: u32,
}

impl<'t> Writer<'t> {
    pub(super) fn new(tokens: &'t Tokens, bytes: Vec<u8>) -> Self {
        Self { row: &tokens.row, at: 0, bytes, depth: 0 }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
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
    pub(super) fn text(&mut self) -> &'t str {
        let token = &self.row[self.at];
        self.at += 1;
        &token.text
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
    pub(super) fn was_brace(&self) -> bool {
        let close = &self.row[self.at - 1];
        self.row[close.other].kind == TokenKind::Open(Delimiter::Brace)
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

    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Writes a piece as `encode` does.
    pub(super) fn piece(&mut self, tag: u8, value: &[u8]) {
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes();
        self.bytes.extend_from_slice(&[tag, length[0], length[1], length[2], length[3]]);
        self.bytes.extend_from_slice(value);
    }

    pub(super) fn word(&mut self, word: &str) {
        self.piece(b'i', word.as_bytes());
    }

    pub(super) fn operator(&mut self, operator: u32) {
        let [a, b, c, _] = operator.to_le_bytes();
        if operator < 0x100 {
            self.bytes.extend_from_slice(&[b'p', 1, 0, 0, 0, a]);
        } else if operator < 0x1_0000 {
            self.bytes.extend_from_slice(&[b'p', 2, 0, 0, 0, a, b]);
        } else {
            self.bytes.extend_from_slice(&[b'p', 3, 0, 0, 0, a, b, c]);
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
        self.bytes.len()
    }

    /// Puts parentheses around what was written since `since`.
    pub(super) fn fence(&mut self, since: usize) {
        self.bytes.insert(since, b'(');
        self.bytes.push(b')');
    }

    /// Removes `count` brackets from both ends of what was written since `since`.
    pub(super) fn strip(&mut self, since: usize, count: usize) {
        self.bytes.drain(since..since + count);
        self.bytes.truncate(self.bytes.len() - count);
    }

    pub(super) fn truncate(&mut self, to: usize) {
        self.bytes.truncate(to);
    }

    pub(super) fn overwrite(&mut self, at: usize, byte: u8) {
        self.bytes[at] = byte;
    }

    /// Whether what was written since `value` repeats what was written from `name` to `named`.
    pub(super) fn repeats(&self, name: usize, named: usize, value: usize) -> bool {
        self.bytes[name..named] == self.bytes[value..]
    }
}
