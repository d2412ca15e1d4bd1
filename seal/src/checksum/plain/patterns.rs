//! Patterns.

use super::operators::{AND, COLON, COMMA, DOT_DOT, OR, PATH};
use super::tokens::{Delimiter, Keyword, Kind};
use super::types::Angle;
use super::writer::Writer;

impl Writer<'_> {
    /// `a | b`
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
            Kind::Name | Kind::Keyword(Keyword::Path) | Kind::Operator(PATH) => {
                self.path(Angle::Comparison)?;
                match self.peek() {
                    Kind::Open(Delimiter::Parenthesis) => {
                        self.enter(Delimiter::Parenthesis)?;
                        self.byte(b'(');
                        self.pattern_list(0)?;
                        self.leave()?;
                        self.byte(b')');
                    }
                    Kind::Open(Delimiter::Brace) => self.field_patterns()?,
                    _ => return Some(()),
                }
            }
            Kind::Keyword(Keyword::Mut) => {
                self.skip();
                self.word("mut");
                self.name()?;
            }
            Kind::Keyword(Keyword::Bool | Keyword::Underscore) => {
                let word = self.text();
                self.word(word);
                return Some(());
            }
            Kind::Literal => {
                self.literal()?;
                return Some(());
            }
            Kind::Operator(AND) => {
                self.skip();
                self.operator(AND);
                if self.take_keyword(Keyword::Mut) {
                    self.word("mut");
                }
                self.single_pattern()?;
            }
            Kind::Open(Delimiter::Parenthesis) => {
                self.enter(Delimiter::Parenthesis)?;
                let has_rest = self.is(DOT_DOT);
                if self.peek() != Kind::Close {
                    self.element()?;
                    if self.peek() == Kind::Close {
                        self.leave()?;
                        return if has_rest { None } else { Some(()) };
                    }
                    if !self.take(COMMA) || self.peek() == Kind::Close {
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

    /// The rest of a list, of which so many are written.
    fn pattern_list(&mut self, mut count: usize) -> Option<()> {
        while self.peek() != Kind::Close {
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

    /// A pattern, or `..`.
    fn element(&mut self) -> Option<()> {
        if self.take(DOT_DOT) {
            self.operator(DOT_DOT);
            return Some(());
        }
        self.pattern()
    }

    /// `{ a, b: x, .. }`
    fn field_patterns(&mut self) -> Option<()> {
        self.enter(Delimiter::Brace)?;
        self.byte(b'{');
        let mut is_first = true;
        while self.peek() != Kind::Close {
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
