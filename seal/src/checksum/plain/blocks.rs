//! Blocks, statements and the arms of a `match`.

use super::{
    expressions::Class,
    operators::{ARROW, COLON, COMMA, DOT, EQ, PATH, QUESTION, SEMICOLON},
    tokens::{Delimiter, Keyword, TokenKind},
    writer::Writer,
};

impl Writer<'_> {
    /// Writes a block with its braces. Returns the class of its last expression, if it holds nothing else.
    pub(super) fn block(&mut self) -> Option<Option<Class>> {
        self.enter(Delimiter::Brace)?;
        self.byte(b'{');
        let start = self.written();
        let (mut count, mut last) = (0, None);
        let mut imports = Vec::new();
        loop {
            self.skip_empty();
            if self.peek() == TokenKind::Close {
                break;
            }
            last = if self.begins_item() {
                self.item(&mut imports)?
            } else {
                self.settle_imports(&mut imports);
                self.statement()?
            };
            count += 1;
        }
        self.settle_imports(&mut imports);
        self.leave()?;
        let mut single = if count == 1 { last } else { None };
        if let Some(Class::Block { is_tail }) = single {
            // The block holds only another block.
            self.strip(start, 2);
            single = is_tail.then_some(Class::Other);
        }
        self.byte(b'}');
        Some(single)
    }

    /// Skips statements that are only a `;`.
    fn skip_empty(&mut self) {
        while self.take(SEMICOLON) {}
    }

    /// Writes a statement. Returns the class of the expression, if no `;` was written after it.
    pub(super) fn statement(&mut self) -> Option<Option<Class>> {
        if self.take_keyword(Keyword::Let) {
            self.binding()?;
            return Some(None);
        }
        // A visibility of old.
        if self.is_word(b"crate") && self.peek_at(1) != TokenKind::Operator(PATH) {
            return None;
        }
        let (class, ends_itself) = self.bounded_expression()?;
        let has_semicolon = self.take(SEMICOLON);
        if !has_semicolon && !ends_itself && self.peek() != TokenKind::Close {
            return None;
        }
        self.skip_empty();
        let is_last = self.peek() == TokenKind::Close;
        let keeps = match class {
            Class::Jump if is_last => false,
            Class::Loop => false,
            Class::Branch | Class::Block { .. } if !is_last => false,
            Class::Macro if !is_last => true,
            _ => has_semicolon,
        };
        if keeps {
            self.operator(SEMICOLON);
            return Some(None);
        }
        Some(Some(class))
    }

    /// Writes an expression that may end at its closing brace. Returns whether it did.
    fn bounded_expression(&mut self) -> Option<(Class, bool)> {
        let start = self.written();
        let class = match self.peek() {
            TokenKind::Open(Delimiter::Brace)
            | TokenKind::Keyword(
                Keyword::If | Keyword::Match | Keyword::For | Keyword::While | Keyword::Loop,
            ) => self.primary(true)?,
            TokenKind::Name | TokenKind::Keyword(Keyword::Path) | TokenKind::Operator(PATH) => {
                let class = self.primary(true)?;
                if class != Class::Macro || !self.is_behind_brace() {
                    let class = self.behind(start, class)?;
                    return Some((self.operators_behind(start, class, 0, true)?, false));
                }
                class
            }
            _ => return Some((self.expression(true)?, false)),
        };
        // Only the tree can tell whether the expression continues here.
        if self.is(DOT) || self.is(QUESTION) {
            return None;
        }
        Some((class, true))
    }

    /// Writes what follows `let`.
    fn binding(&mut self) -> Option<()> {
        self.word(b"let");
        self.typed_pattern()?;
        if self.take(EQ) {
            self.operator(EQ);
            self.expression(true)?;
            if self.is_keyword(Keyword::Else) {
                // `let x = y {} else {}` is an error.
                if self.is_behind_brace() {
                    return None;
                }
                self.skip();
                self.word(b"else");
                self.block()?;
            }
        }
        if !self.take(SEMICOLON) {
            return None;
        }
        self.operator(SEMICOLON);
        Some(())
    }

    /// Writes a pattern without alternatives, and its type.
    pub(super) fn typed_pattern(&mut self) -> Option<()> {
        let start = self.written();
        self.single_pattern()?;
        if self.take(COLON) {
            self.operator(COLON);
            self.ty()?;
            self.fence(start);
        }
        Some(())
    }

    /// Writes an arm of a `match`.
    pub(super) fn arm(&mut self) -> Option<()> {
        let guarded = self.written();
        self.pattern()?;
        if self.take_keyword(Keyword::If) {
            self.word(b"if");
            self.expression(true)?;
            self.fence(guarded);
        }
        if !self.take(ARROW) {
            return None;
        }
        self.operator(ARROW);
        let start = self.written();
        let (class, ends_itself) = self.bounded_expression()?;
        if class == (Class::Block { is_tail: true }) {
            self.strip(start, 2);
        }
        if !self.take(COMMA) && !ends_itself && self.peek() != TokenKind::Close {
            return None;
        }
        self.operator(COMMA);
        Some(())
    }
}
