//! What macros are given: a list of expressions, `x; n`, or documents such as `doc!` takes.

use super::operators::{COLON, COMMA, SEMICOLON};
use super::tokens::{Delimiter, Kind};
use super::writer::Writer;

impl Writer<'_> {
    /// The brackets behind the `!`, and what is in them.
    pub(super) fn invocation(&mut self) -> Option<()> {
        let Kind::Open(delimiter) = self.peek() else { return None };
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
        while self.peek() != Kind::Close {
            // There a macro can tell the brackets of an expression.
            let is_fenced = matches!(
                self.peek(),
                Kind::Open(Delimiter::Parenthesis) | Kind::Open(Delimiter::Brace)
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

    /// Behind the `;` of `x; n`.
    fn repetition(&mut self, start: usize) -> Option<()> {
        if matches!(self.peek(), Kind::Open(Delimiter::Parenthesis) | Kind::Open(Delimiter::Brace))
        {
            return None;
        }
        self.overwrite(start, b'[');
        self.operator(SEMICOLON);
        self.expression(true)?;
        self.take(COMMA);
        self.byte(b']');
        self.leave()
    }

    /// `"a": …`, or `{ "a": … }` and nothing else: neither can be read as a list of expressions.
    fn is_document(&self, close: usize) -> bool {
        match self.peek() {
            Kind::Literal => self.peek_at(1) == Kind::Operator(COLON),
            Kind::Open(Delimiter::Brace) => {
                self.close_of_group() + 1 == close
                    && self.peek_at(1) == Kind::Literal
                    && self.peek_at(2) == Kind::Operator(COLON)
            }
            _ => false,
        }
    }

    /// Tokens as they stand, up to the end of the group. In brackets and braces a last comma says
    /// nothing.
    fn raw(&mut self, drops_comma: bool) -> Option<()> {
        loop {
            match self.peek() {
                Kind::Name | Kind::Keyword(_) => {
                    let name = self.text();
                    self.word(name);
                }
                Kind::Literal => self.literal()?,
                Kind::Operator(operator) => {
                    self.skip();
                    let is_dropped = drops_comma && operator == COMMA && self.peek() == Kind::Close;
                    if operator == 0 {
                        return None;
                    }
                    if !is_dropped {
                        self.operator(operator);
                    }
                }
                Kind::Open(delimiter) => {
                    let (open, close) = delimiter.bytes();
                    self.enter(delimiter)?;
                    self.byte(open);
                    self.raw(delimiter != Delimiter::Parenthesis)?;
                    self.leave()?;
                    self.byte(close);
                }
                Kind::Close => return Some(()),
                Kind::End => return None,
            }
        }
    }
}
