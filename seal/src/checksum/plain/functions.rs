//! Functions and what is generic.

use super::{
    operators::{AND, APOSTROPHE, COLON, COMMA, EQ, GREATER, LESS, PATH, PLUS, SEMICOLON},
    paths::Angle,
    tokens::{Delimiter, Keyword, TokenKind},
    writer::Writer,
};

impl Writer<'_> {
    /// Writes a function. A `const` before it is written already.
    pub(super) fn function(&mut self) -> Option<()> {
        self.signature()?;
        self.block()?;
        Some(())
    }

    pub(super) fn signature(&mut self) -> Option<()> {
        if self.is_keyword(Keyword::Const) {
            self.skip();
            self.word(b"const");
        } else if self.take_keyword(Keyword::Async) {
            self.word(b"async");
        }
        if !self.take_keyword(Keyword::Fn) {
            return None;
        }
        self.word(b"fn");
        self.name()?;
        self.generics()?;
        self.enter(Delimiter::Parenthesis)?;
        self.byte(b'(');
        let mut is_first = true;
        while self.peek() != TokenKind::Close {
            if !is_first {
                self.operator(COMMA);
            }
            if !is_first || !self.receiver()? {
                self.single_pattern()?;
                self.typed()?;
            }
            is_first = false;
            if !self.take(COMMA) {
                break;
            }
        }
        self.leave()?;
        self.byte(b')');
        let mut closed = 0;
        self.output(true, &mut closed)?;
        if closed > 0 {
            return None;
        }
        self.where_clause()?;
        Some(())
    }

    /// Writes `&'a mut self` or `self: T`, if it is next. Returns whether it was.
    fn receiver(&mut self) -> Option<bool> {
        let is_reference = self.is(AND);
        let mut ahead = usize::from(is_reference);
        if is_reference && self.peek_at(ahead) == TokenKind::Operator(APOSTROPHE) {
            ahead += 2;
        }
        if self.peek_at(ahead) == TokenKind::Keyword(Keyword::Mut) {
            ahead += 1;
        }
        if !self.is_word_at(ahead, b"self") || self.peek_at(ahead + 1) == TokenKind::Operator(PATH)
        {
            return Some(false);
        }
        if self.take(AND) {
            self.operator(AND);
            if self.is(APOSTROPHE) {
                self.lifetime()?;
            }
        }
        if self.take_keyword(Keyword::Mut) {
            self.word(b"mut");
        }
        self.skip();
        self.word(b"self");
        if !is_reference && self.is(COLON) {
            self.typed()?;
        }
        Some(true)
    }

    /// Writes `<'a, T: Bound = Default, const N: usize>`, if it is next.
    pub(super) fn generics(&mut self) -> Option<()> {
        if !self.take(LESS) {
            return Some(());
        }
        self.operator(LESS);
        let (mut is_first, mut has_type, mut closed) = (true, false, 0);
        loop {
            if !is_first {
                if self.take(GREATER) {
                    break;
                }
                self.operator(COMMA);
            }
            is_first = false;
            match self.peek() {
                // The tree moves lifetimes to the front.
                TokenKind::Operator(APOSTROPHE) if !has_type => {
                    self.lifetime()?;
                    if self.is(COLON) {
                        self.outlived()?;
                    }
                }
                TokenKind::Keyword(Keyword::Const) => {
                    has_type = true;
                    self.skip();
                    self.word(b"const");
                    self.name()?;
                    self.typed()?;
                    if self.take(EQ) {
                        self.operator(EQ);
                        if self.constant()?.is_none() {
                            self.name()?;
                        }
                    }
                }
                TokenKind::Name => {
                    has_type = true;
                    self.name()?;
                    if self.take(COLON) {
                        self.operator(COLON);
                        self.bounds(&mut closed)?;
                    }
                    if closed == 0 && self.take(EQ) {
                        self.operator(EQ);
                        self.ty_with(Angle::Arguments, true, &mut closed)?;
                    }
                }
                _ => return None,
            }
            if closed > 0 {
                break;
            }
            if self.take(COMMA) {
                continue;
            }
            if !self.take(GREATER) {
                return None;
            }
            break;
        }
        self.operator(GREATER);
        Some(())
    }

    /// Writes `: 'b + 'c`, after a lifetime.
    fn outlived(&mut self) -> Option<()> {
        if !self.take(COLON) {
            return None;
        }
        self.operator(COLON);
        self.lifetime()?;
        while self.take(PLUS) {
            self.operator(PLUS);
            self.lifetime()?;
        }
        Some(())
    }

    /// Writes `where …`, if it is next. Returns whether it was.
    pub(super) fn where_clause(&mut self) -> Option<bool> {
        if !self.take_keyword(Keyword::Where) {
            return Some(false);
        }
        self.word(b"where");
        let mut is_first = true;
        loop {
            match self.peek() {
                TokenKind::Open(Delimiter::Brace) | TokenKind::Operator(SEMICOLON) => break,
                _ => {}
            }
            if !is_first {
                self.operator(COMMA);
            }
            is_first = false;
            if self.is(APOSTROPHE) {
                self.lifetime()?;
                self.outlived()?;
            } else {
                if self.is_keyword(Keyword::For) {
                    self.binder()?;
                }
                let mut closed = 0;
                self.typed_bounds(&mut closed)?;
            }
            if !self.take(COMMA) {
                break;
            }
        }
        // The tree drops an empty clause.
        if is_first { None } else { Some(true) }
    }

    /// Writes `T: A + B`.
    fn typed_bounds(&mut self, closed: &mut u32) -> Option<()> {
        self.ty()?;
        if !self.take(COLON) {
            return None;
        }
        self.operator(COLON);
        self.bounds(closed)?;
        (*closed == 0).then_some(())
    }
}
