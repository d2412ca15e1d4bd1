//! Attributes and visibilities.

use super::{
    operators::{EQ, PATH, POUND},
    tokens::{Delimiter, Keyword, TokenKind},
    writer::Writer,
};
use crate::built_in;

impl Writer<'_> {
    pub(super) fn begins_attribute(&self) -> bool {
        self.is(POUND)
    }

    /// Writes the attributes that are no advice.
    pub(super) fn attributes(&mut self) -> Option<()> {
        let mut is_behind_derive = false;
        loop {
            match self.peek() {
                TokenKind::Documentation => self.skip(),
                TokenKind::Operator(POUND) => {
                    self.skip();
                    match self.attribute()? {
                        Kept::No => {}
                        // The tree puts two into one.
                        Kept::Derive if is_behind_derive => return None,
                        kept => is_behind_derive = kept == Kept::Derive,
                    }
                }
                _ => return Some(()),
            }
        }
    }

    /// Writes what follows `#`.
    fn attribute(&mut self) -> Option<Kept> {
        let start = self.written();
        self.operator(POUND);
        self.enter(Delimiter::Bracket)?;
        self.byte(b'[');
        let (mut first, mut count): (&[u8], _) = (b"", 0);
        let last = loop {
            if self.peek() != TokenKind::Name {
                return None;
            }
            let word = self.text();
            self.word(word);
            if count == 0 {
                first = word;
            }
            count += 1;
            if !self.take(PATH) {
                break word;
            }
            self.operator(PATH);
        };
        let first = std::str::from_utf8(first).ok()?;
        let is_advice = match count {
            1 => built_in::is_advice(first),
            _ => built_in::is_tool(first),
        };
        if is_advice || last == b"migration" {
            self.skip_value()?;
            self.leave()?;
            self.truncate(start);
            return Some(Kept::No);
        }
        match self.peek() {
            TokenKind::Open(delimiter) => {
                self.enter(delimiter)?;
                self.byte(b'(');
                self.raw(true)?;
                self.leave()?;
                self.byte(b')');
            }
            TokenKind::Operator(EQ) => {
                self.skip();
                self.operator(EQ);
                self.constant()??;
            }
            _ => {}
        }
        self.leave()?;
        self.byte(b']');
        Some(if count == 1 && first == "derive" { Kept::Derive } else { Kept::Yes })
    }

    /// Steps over `(…)` or `= "…"`, of which nothing counts.
    fn skip_value(&mut self) -> Option<()> {
        match self.peek() {
            TokenKind::Open(_) => self.skip_group(),
            TokenKind::Operator(EQ) => {
                self.skip();
                if self.peek() != TokenKind::Literal {
                    return None;
                }
                self.skip();
            }
            _ => {}
        }
        Some(())
    }

    /// Writes `pub` or `pub(crate)`, if it is next.
    pub(super) fn visibility(&mut self) -> Option<()> {
        if !self.take_keyword(Keyword::Pub) {
            return Some(());
        }
        self.word(b"pub");
        if self.peek() == TokenKind::Open(Delimiter::Parenthesis) {
            let is_place = self.peek_at(1) == TokenKind::Keyword(Keyword::Path)
                && self.peek_at(2) == TokenKind::Close
                && !self.is_word_at(1, b"Self");
            if !is_place {
                return None;
            }
            self.enter(Delimiter::Parenthesis)?;
            self.byte(b'(');
            let place = self.text();
            self.word(place);
            self.leave()?;
            self.byte(b')');
        }
        Some(())
    }
}

/// Whether an attribute counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    No,
    Yes,
    Derive,
}
