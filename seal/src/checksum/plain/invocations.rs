//! The input of macros: a list of expressions, `x; n`, or a document as `doc!` takes it.

use super::{
    operators::{COLON, COMMA, DOLLAR, SEMICOLON},
    tokens::{Delimiter, TokenKind},
    writer::Writer,
};

impl Writer<'_> {
    /// Writes the brackets after the `!`, and the input.
    pub(super) fn invocation(&mut self) -> Option<()> {
        let TokenKind::Open(delimiter) = self.peek() else { return None };
        let close = self.close_of_group();
        self.enter(delimiter)?;
        if self.is_document(close) {
            self.byte(b'{');
            self.raw(true)?;
            self.byte(b'}');
            return self.leave();
        }
        let start = self.written();
        self.byte(b'(');
        let mut is_first = true;
        while self.peek() != TokenKind::Close {
            // A macro can see the brackets of an expression here.
            let is_fenced = matches!(
                self.peek(),
                TokenKind::Open(Delimiter::Parenthesis) | TokenKind::Open(Delimiter::Brace)
            );
            if is_fenced {
                return None;
            }
            if !is_first {
                self.operator(COMMA);
            }
            self.expression(true)?;
            if is_first && self.take(SEMICOLON) {
                return self.repetition(start);
            }
            is_first = false;
            if !self.take(COMMA) {
                break;
            }
        }
        self.byte(b')');
        self.leave()
    }

    /// Writes what follows the `;` of `x; n`.
    fn repetition(&mut self, start: usize) -> Option<()> {
        if matches!(
            self.peek(),
            TokenKind::Open(Delimiter::Parenthesis) | TokenKind::Open(Delimiter::Brace)
        ) {
            return None;
        }
        self.overwrite(start, b'[');
        self.operator(SEMICOLON);
        self.expression(true)?;
        self.take(COMMA);
        self.byte(b']');
        self.leave()
    }

    /// Whether the input is `"a": …`, or `{ "a": … }` and nothing else: neither can be read as a list of
    /// expressions.
    fn is_document(&self, close: usize) -> bool {
        match self.peek() {
            TokenKind::Literal => self.peek_at(1) == TokenKind::Operator(COLON),
            TokenKind::Open(Delimiter::Brace) => {
                self.close_of_group() + 1 == close
                    && self.peek_at(1) == TokenKind::Literal
                    && self.peek_at(2) == TokenKind::Operator(COLON)
            }
            _ => false,
        }
    }

    /// Writes tokens as they are, up to the end of the group. In brackets and braces a trailing comma
    /// means nothing.
    pub(super) fn raw(&mut self, drops_comma: bool) -> Option<()> {
        loop {
            match self.peek() {
                TokenKind::Name | TokenKind::Keyword(_) => {
                    let name = self.text();
                    self.word(name);
                }
                TokenKind::Literal => self.literal()?,
                TokenKind::Operator(operator) => {
                    self.skip();
                    let is_dropped =
                        drops_comma && operator == COMMA && self.peek() == TokenKind::Close;
                    // After a `$` stands what another macro puts there, `$crate` for example: the text does not
                    // say what the compiler gets.
                    if operator == 0 || operator == DOLLAR {
                        return None;
                    }
                    if !is_dropped {
                        self.operator(operator);
                    }
                }
                TokenKind::Open(delimiter) => {
                    let (open, close) = delimiter.bytes();
                    self.enter(delimiter)?;
                    self.byte(open);
                    self.raw(delimiter != Delimiter::Parenthesis)?;
                    self.leave()?;
                    self.byte(close);
                }
                TokenKind::Close => return Some(()),
                TokenKind::Documentation | TokenKind::End => return None,
            }
        }
    }
}
