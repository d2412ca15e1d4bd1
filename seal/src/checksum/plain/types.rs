//! Types and paths.

use super::{
    operators::{AND, COMMA, GREATER, GREATER_GREATER, LESS, PATH},
    tokens::{Delimiter, Keyword, TokenKind},
    writer::Writer,
};

/// The meaning of a `<` after a segment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Angle {
    /// It opens arguments, as in a type.
    Arguments,
    /// It opens arguments only after `::`, as in an expression.
    Comparison,
    /// The walk gives up at it: `x as u8 < y`.
    Neither,
}

impl Writer<'_> {
    /// Writes a path, an inferred type, a reference, or `()`.
    pub(super) fn ty(&mut self) -> Option<()> {
        self.ty_with(Angle::Arguments, &mut 0)
    }

    /// Writes the type after `as`.
    pub(super) fn target(&mut self) -> Option<()> {
        self.ty_with(Angle::Neither, &mut 0)
    }

    /// Writes a type. `closed` counts the outer lists that a `>>` in an inner list has closed.
    fn ty_with(&mut self, angle: Angle, closed: &mut u32) -> Option<()> {
        let start = self.written();
        match self.peek() {
            TokenKind::Operator(AND) => {
                self.skip();
                self.operator(AND);
                if self.take_keyword(Keyword::Mut) {
                    self.word("mut");
                }
                self.ty_with(angle, closed)?;
                self.fence(start);
            }
            TokenKind::Open(Delimiter::Parenthesis) => {
                self.enter(Delimiter::Parenthesis)?;
                self.leave()?;
                for byte in *b"(())" {
                    self.byte(byte);
                }
            }
            TokenKind::Keyword(Keyword::Underscore) => {
                self.skip();
                self.word("_");
            }
            _ => self.path_with(angle, closed)?,
        }
        Some(())
    }

    pub(super) fn path(&mut self, angle: Angle) -> Option<()> {
        self.path_with(angle, &mut 0)
    }

    fn path_with(&mut self, angle: Angle, closed: &mut u32) -> Option<()> {
        if self.take(PATH) {
            self.operator(PATH);
        }
        loop {
            if !matches!(self.peek(), TokenKind::Name | TokenKind::Keyword(Keyword::Path)) {
                return None;
            }
            let segment = self.text();
            self.word(segment);
            match angle {
                Angle::Arguments if self.is(LESS) => self.angles(closed)?,
                Angle::Neither if self.is(LESS) => return None,
                _ => {}
            }
            if *closed > 0 || !self.take(PATH) {
                break;
            }
            if self.is(LESS) {
                if angle == Angle::Comparison {
                    self.operator(PATH);
                }
                self.angles(closed)?;
                if *closed > 0 || !self.take(PATH) {
                    break;
                }
            }
            self.operator(PATH);
        }
        // `Fn(A) -> B`
        if angle != Angle::Comparison && self.peek() == TokenKind::Open(Delimiter::Parenthesis) {
            return None;
        }
        Some(())
    }

    /// Writes the `::<…>` after a method's name, if there is one.
    pub(super) fn turbofish(&mut self) -> Option<()> {
        if self.take(PATH) {
            self.operator(PATH);
            let mut closed = 0;
            self.angles(&mut closed)?;
            if closed > 0 {
                return None;
            }
        }
        Some(())
    }

    /// Writes `<A, B>`, if all arguments are types.
    fn angles(&mut self, closed: &mut u32) -> Option<()> {
        if !self.take(LESS) {
            return None;
        }
        self.operator(LESS);
        let mut is_empty = true;
        loop {
            if self.take(GREATER) {
                break;
            }
            if !is_empty {
                self.operator(COMMA);
            }
            is_empty = false;
            let mut inner = 0;
            self.ty_with(Angle::Arguments, &mut inner)?;
            if inner > 0 {
                break;
            }
            if self.take(COMMA) {
                continue;
            }
            if self.take(GREATER_GREATER) {
                *closed += 1;
                break;
            }
            if !self.take(GREATER) {
                return None;
            }
            break;
        }
        // `Vec<>` is `Vec`.
        if is_empty {
            return None;
        }
        self.operator(GREATER);
        Some(())
    }
}
