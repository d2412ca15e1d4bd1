//! Types.

use super::{
    operators::{
        AND, APOSTROPHE, BANG, COLON, COMMA, GREATER, LESS, PATH, PLUS, QUESTION, SEMICOLON, STAR,
        THIN_ARROW,
    },
    paths::Angle,
    tokens::{Delimiter, Keyword, TokenKind},
    writer::Writer,
};

impl Writer<'_> {
    /// Writes a type.
    pub(super) fn ty(&mut self) -> Option<()> {
        let mut closed = 0;
        self.ty_with(Angle::Arguments, true, &mut closed)?;
        (closed == 0).then_some(())
    }

    /// Writes the type after `as`.
    pub(super) fn target(&mut self) -> Option<()> {
        let mut closed = 0;
        self.ty_with(Angle::Neither, false, &mut closed)?;
        (closed == 0).then_some(())
    }

    /// Writes a type. `has_plus` tells whether bounds may be added up here, and `closed` counts the outer
    /// lists that a `>>` in an inner list has closed.
    pub(super) fn ty_with(&mut self, angle: Angle, has_plus: bool, closed: &mut u32) -> Option<()> {
        let start = self.written();
        match self.peek() {
            TokenKind::Name | TokenKind::Keyword(Keyword::Path) | TokenKind::Operator(PATH) => {
                self.path_with(angle, closed)?;
                // `Fn(A) -> B` alone is no type.
                if *closed == 0 && self.peek() == TokenKind::Open(Delimiter::Parenthesis) {
                    return None;
                }
                return Some(());
            }
            TokenKind::Keyword(Keyword::Underscore) => {
                self.skip();
                self.word(b"_");
                return Some(());
            }
            TokenKind::Operator(AND) => {
                self.skip();
                self.operator(AND);
                if self.is(APOSTROPHE) {
                    self.lifetime()?;
                }
                if self.take_keyword(Keyword::Mut) {
                    self.word(b"mut");
                }
                self.ty_with(angle, false, closed)?;
            }
            TokenKind::Operator(STAR) => {
                self.skip();
                self.operator(STAR);
                match self.take_keyword(Keyword::Const) {
                    true => self.word(b"const"),
                    false if self.take_keyword(Keyword::Mut) => self.word(b"mut"),
                    false => return None,
                }
                self.ty_with(angle, false, closed)?;
            }
            TokenKind::Operator(BANG) => {
                self.skip();
                self.operator(BANG);
                return Some(());
            }
            TokenKind::Open(Delimiter::Parenthesis) => return self.tuple_type(start),
            TokenKind::Open(Delimiter::Bracket) => {
                self.enter(Delimiter::Bracket)?;
                self.byte(b'[');
                self.ty()?;
                if self.take(SEMICOLON) {
                    self.operator(SEMICOLON);
                    self.expression(true)?;
                }
                self.leave()?;
                self.byte(b']');
            }
            TokenKind::Keyword(Keyword::Dyn) => {
                self.skip();
                self.word(b"dyn");
                self.object(has_plus, closed)?;
            }
            TokenKind::Keyword(Keyword::Impl) => {
                self.skip();
                self.word(b"impl");
                self.object(has_plus, closed)?;
            }
            TokenKind::Keyword(Keyword::Fn) => {
                self.skip();
                self.word(b"fn");
                self.inputs()?;
                self.output(false, closed)?;
            }
            _ => return None,
        }
        self.fence(start);
        Some(())
    }

    /// Writes the type in redundant parentheses, or a tuple.
    fn tuple_type(&mut self, start: usize) -> Option<()> {
        self.enter(Delimiter::Parenthesis)?;
        let mut count = 0;
        while self.peek() != TokenKind::Close {
            if count > 0 {
                self.operator(COMMA);
            }
            self.ty()?;
            count += 1;
            if self.take(COMMA) {
                continue;
            }
            if count == 1 {
                return self.leave();
            }
            break;
        }
        self.leave()?;
        if count == 1 {
            self.operator(COMMA);
        }
        self.fence(start);
        self.fence(start);
        Some(())
    }

    /// Writes the types between the parentheses of a function's type.
    fn inputs(&mut self) -> Option<()> {
        self.separated(Delimiter::Parenthesis, Self::ty)
    }

    /// Writes `-> T`, if it follows and is not `-> ()`.
    pub(super) fn output(&mut self, has_plus: bool, closed: &mut u32) -> Option<()> {
        if self.take(THIN_ARROW) {
            let arrow = self.written();
            self.operator(THIN_ARROW);
            let ty = self.written();
            self.ty_with(Angle::Arguments, has_plus, closed)?;
            if self.has_written(ty, b"(())") {
                self.truncate(arrow);
            }
        }
        Some(())
    }

    /// Writes the bounds after `dyn` or `impl`, of which one at least is no lifetime.
    fn object(&mut self, has_plus: bool, closed: &mut u32) -> Option<()> {
        let mut has_trait = !self.is(APOSTROPHE);
        self.bound(closed)?;
        while has_plus && *closed == 0 && self.take(PLUS) {
            self.operator(PLUS);
            has_trait |= !self.is(APOSTROPHE);
            self.bound(closed)?;
        }
        has_trait.then_some(())
    }

    /// Writes `A + 'b + ?Sized`.
    pub(super) fn bounds(&mut self, closed: &mut u32) -> Option<()> {
        loop {
            self.bound(closed)?;
            if *closed > 0 || !self.take(PLUS) {
                return Some(());
            }
            self.operator(PLUS);
        }
    }

    fn bound(&mut self, closed: &mut u32) -> Option<()> {
        if self.is(APOSTROPHE) {
            return self.lifetime();
        }
        if self.take(QUESTION) {
            self.operator(QUESTION);
        } else if self.is_keyword(Keyword::For) {
            self.binder()?;
        }
        self.path_with(Angle::Arguments, closed)?;
        if *closed == 0 && self.peek() == TokenKind::Open(Delimiter::Parenthesis) {
            if self.is_behind(GREATER) {
                return None;
            }
            self.inputs()?;
            self.output(false, closed)?;
        }
        Some(())
    }

    /// Writes `for<'a, 'b>`.
    pub(super) fn binder(&mut self) -> Option<()> {
        self.skip();
        self.word(b"for");
        if !self.take(LESS) {
            return None;
        }
        self.operator(LESS);
        loop {
            self.lifetime()?;
            if self.take(GREATER) {
                break;
            }
            if !self.take(COMMA) || !self.is(APOSTROPHE) {
                return None;
            }
            self.operator(COMMA);
        }
        self.operator(GREATER);
        Some(())
    }

    /// Writes `'a`.
    pub(super) fn lifetime(&mut self) -> Option<()> {
        if !self.take(APOSTROPHE) {
            return None;
        }
        self.operator(APOSTROPHE);
        match self.peek() {
            TokenKind::Name | TokenKind::Keyword(Keyword::Static | Keyword::Underscore) => {
                let name = self.text();
                self.word(name);
                Some(())
            }
            _ => None,
        }
    }

    /// Writes `: T`.
    pub(super) fn typed(&mut self) -> Option<()> {
        if !self.take(COLON) {
            return None;
        }
        self.operator(COLON);
        self.ty()
    }
}
