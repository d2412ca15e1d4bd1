//! Patterns.

use super::{
    operators::{AND, COLON, COMMA, DOT_DOT, OR, PATH},
    paths::Angle,
    tokens::{Delimiter, Keyword, TokenKind},
    writer::Writer,
};

impl Writer<'_> {
    /// Writes `a | b`.
    pub(super) fn pattern(&mut self) -> Option<()> {
        let start = self.written();
        self.take(OR);
        self.single_pattern()?;
        if self.is(OR) {
            while self.take(OR) {
                self.operator(OR);
                self.single_pattern()?;
            }
            self.fence(start);
        }
        Some(())
    }

    pub(super) fn single_pattern(&mut self) -> Option<()> {
        let start = self.written();
        match self.peek() {
            TokenKind::Name | TokenKind::Keyword(Keyword::Path) | TokenKind::Operator(PATH) => {
                let is_self = self.is_word(b"self");
                let path = self.place();
                self.path(Angle::Comparison)?;
                match self.peek() {
                    // A name, and no path.
                    TokenKind::Open(_) if is_self && self.place() == path + 1 => return None,
                    TokenKind::Open(Delimiter::Parenthesis) => {
                        self.enter(Delimiter::Parenthesis)?;
                        self.byte(b'(');
                        self.pattern_list(0)?;
                        self.leave()?;
                        self.byte(b')');
                    }
                    TokenKind::Open(Delimiter::Brace) => self.field_patterns()?,
                    _ => return Some(()),
                }
            }
            TokenKind::Keyword(Keyword::Mut) => {
                self.skip();
                self.word(b"mut");
                self.name()?;
            }
            TokenKind::Keyword(Keyword::Bool | Keyword::Underscore) => {
                let word = self.text();
                self.word(word);
                return Some(());
            }
            TokenKind::Literal => {
                self.literal()?;
                return Some(());
            }
            TokenKind::Operator(AND) => {
                self.skip();
                self.operator(AND);
                if self.take_keyword(Keyword::Mut) {
                    self.word(b"mut");
                }
                self.single_pattern()?;
            }
            TokenKind::Open(Delimiter::Parenthesis) => {
                self.enter(Delimiter::Parenthesis)?;
                let has_rest = self.is(DOT_DOT);
                if self.peek() != TokenKind::Close {
                    self.element()?;
                    if self.peek() == TokenKind::Close {
                        self.leave()?;
                        return if has_rest { None } else { Some(()) };
                    }
                    if !self.take(COMMA) || self.peek() == TokenKind::Close {
                        return None;
                    }
                    self.pattern_list(1)?;
                }
                self.leave()?;
                self.fence(start);
            }
            _ => return None,
        }
        self.fence(start);
        Some(())
    }

    /// Writes the rest of a list, of which `count` elements are written.
    fn pattern_list(&mut self, mut count: usize) -> Option<()> {
        while self.peek() != TokenKind::Close {
            if count > 0 {
                self.operator(COMMA);
            }
            self.element()?;
            count += 1;
            if !self.take(COMMA) {
                break;
            }
        }
        Some(())
    }

    /// Writes a pattern, or `..`.
    fn element(&mut self) -> Option<()> {
        if self.take(DOT_DOT) {
            self.operator(DOT_DOT);
            return Some(());
        }
        self.pattern()
    }

    /// Writes `{ a, b: x, .. }`.
    fn field_patterns(&mut self) -> Option<()> {
        self.enter(Delimiter::Brace)?;
        self.byte(b'{');
        let mut is_first = true;
        while self.peek() != TokenKind::Close {
            if !is_first {
                self.operator(COMMA);
            }
            is_first = false;
            if self.take(DOT_DOT) {
                self.operator(DOT_DOT);
                break;
            }
            self.name()?;
            if self.take(COLON) {
                self.operator(COLON);
                self.pattern()?;
            }
            if !self.take(COMMA) {
                break;
            }
        }
        self.leave()?;
        self.byte(b'}');
        Some(())
    }
}
