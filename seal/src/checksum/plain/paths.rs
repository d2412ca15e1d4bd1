//! Paths, and what is between their angle brackets.

use super::{
    operators::{APOSTROPHE, COMMA, EQ, GREATER, GREATER_GREATER, LESS, LESS_LESS, PATH, PLUS},
    tokens::{Keyword, TokenKind},
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
    pub(super) fn path(&mut self, angle: Angle) -> Option<()> {
        let mut closed = 0;
        self.path_with(angle, &mut closed)?;
        (closed == 0).then_some(())
    }

    pub(super) fn path_with(&mut self, angle: Angle, closed: &mut u32) -> Option<()> {
        if self.take(PATH) {
            self.operator(PATH);
        }
        loop {
            let takes_arguments = match self.peek() {
                TokenKind::Name => true,
                TokenKind::Keyword(Keyword::Path) => self.is_word(b"Self"),
                _ => return None,
            };
            let segment = self.text();
            self.word(segment);
            match angle {
                Angle::Arguments if self.is(LESS) => {
                    if !takes_arguments {
                        return None;
                    }
                    self.angles(closed)?;
                }
                Angle::Neither if self.is(LESS) || self.is(LESS_LESS) => return None,
                _ => {}
            }
            if *closed > 0 || !self.take(PATH) {
                return Some(());
            }
            if self.is(LESS) {
                if !takes_arguments {
                    return None;
                }
                if angle == Angle::Comparison {
                    self.operator(PATH);
                }
                self.angles(closed)?;
                if *closed > 0 || !self.take(PATH) {
                    return Some(());
                }
            }
            self.operator(PATH);
        }
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

    /// Writes `<'a, A, B, 3, C = D>`.
    fn angles(&mut self, closed: &mut u32) -> Option<()> {
        if !self.take(LESS) {
            return None;
        }
        self.operator(LESS);
        let (mut is_empty, mut has_type) = (true, false);
        loop {
            if self.take(GREATER) {
                break;
            }
            if !is_empty {
                self.operator(COMMA);
            }
            is_empty = false;
            let mut inner = 0;
            if self.is(APOSTROPHE) {
                // The tree moves lifetimes to the front.
                if has_type {
                    return None;
                }
                self.lifetime()?;
                if self.is(PLUS) {
                    return None;
                }
            } else {
                has_type = true;
                self.argument(&mut inner)?;
            }
            if inner > 0 {
                // More than this list and the list around it: `>>` closes two.
                if inner > 1 {
                    return None;
                }
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

    /// Writes a type, a literal, or `Item = T`.
    fn argument(&mut self, closed: &mut u32) -> Option<()> {
        if self.constant()?.is_some() {
            return Some(());
        }
        if self.peek() == TokenKind::Name && self.peek_at(1) == TokenKind::Operator(EQ) {
            self.name()?;
            self.skip();
            self.operator(EQ);
            if self.constant()?.is_some() {
                return Some(());
            }
        }
        self.ty_with(Angle::Arguments, true, closed)
    }

    /// Writes a literal, if it is next.
    pub(super) fn constant(&mut self) -> Option<Option<()>> {
        match self.peek() {
            TokenKind::Literal => self.literal()?,
            TokenKind::Keyword(Keyword::Bool) => {
                let bool = self.text();
                self.word(bool);
            }
            _ => return Some(None),
        }
        Some(Some(()))
    }
}
