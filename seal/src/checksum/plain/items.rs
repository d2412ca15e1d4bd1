//! Items in a body, such as constants, types and functions.

use super::{
    expressions::Class,
    operators::{COLON, COMMA, EQ, SEMICOLON},
    paths::Angle,
    tokens::{Delimiter, Keyword, TokenKind},
    writer::Writer,
};

impl Writer<'_> {
    /// Whether the next statement is an item, or has attributes.
    pub(super) fn begins_item(&self) -> bool {
        match self.peek() {
            TokenKind::Documentation
            | TokenKind::Keyword(
                Keyword::Enum
                | Keyword::Fn
                | Keyword::Impl
                | Keyword::Pub
                | Keyword::Static
                | Keyword::Struct
                | Keyword::Trait
                | Keyword::Type
                | Keyword::Use
                | Keyword::Const,
            ) => true,
            TokenKind::Operator(_) => self.begins_attribute(),
            TokenKind::Keyword(Keyword::Async) => {
                self.peek_at(1) == TokenKind::Keyword(Keyword::Fn)
            }
            _ => false,
        }
    }

    /// Writes an item, or a `let` with attributes that are advice. `imports` are those that come directly
    /// before it. Returns what `statement` returns.
    pub(super) fn item(&mut self, imports: &mut Vec<Vec<u8>>) -> Option<Option<Class>> {
        let start = self.written();
        self.attributes()?;
        if self.is_keyword(Keyword::Let) && self.written() == start {
            self.settle_imports(imports);
            return self.statement();
        }
        let is_inherited = !self.is_keyword(Keyword::Pub);
        self.visibility()?;
        if self.take_keyword(Keyword::Use) {
            self.import(start, imports)?;
            return Some(None);
        }
        if !imports.is_empty() {
            let begun = self.take_back(start);
            self.settle_imports(imports);
            self.all(&begun);
        }
        match self.peek() {
            TokenKind::Keyword(Keyword::Static) => {
                self.skip();
                self.word(b"static");
                if self.take_keyword(Keyword::Mut) {
                    self.word(b"mut");
                }
                self.name()?;
                self.typed()?;
                self.value_of_item()?;
            }
            TokenKind::Keyword(Keyword::Struct) => self.structure()?,
            TokenKind::Keyword(Keyword::Enum) => self.enumeration()?,
            TokenKind::Keyword(Keyword::Trait) => self.interface()?,
            TokenKind::Keyword(Keyword::Impl) if is_inherited => self.implementation()?,
            _ => self.associated()?,
        }
        Some(None)
    }

    /// Writes `const`, `type` or `fn`, as they stand in a block and in an `impl`.
    fn associated(&mut self) -> Option<()> {
        match self.peek() {
            TokenKind::Keyword(Keyword::Const) => {
                self.skip();
                self.word(b"const");
                if self.is_keyword(Keyword::Fn) {
                    return self.function();
                }
                self.name_of_constant()?;
                self.typed()?;
                self.value_of_item()
            }
            TokenKind::Keyword(Keyword::Type) => {
                self.skip();
                self.word(b"type");
                self.name()?;
                self.generics()?;
                if !self.take(EQ) {
                    return None;
                }
                self.operator(EQ);
                self.ty()?;
                self.end()
            }
            _ => self.function(),
        }
    }

    fn name_of_constant(&mut self) -> Option<()> {
        if self.take_keyword(Keyword::Underscore) {
            self.word(b"_");
            return Some(());
        }
        self.name()
    }

    /// Writes `= value;`.
    fn value_of_item(&mut self) -> Option<()> {
        if !self.take(EQ) {
            return None;
        }
        self.operator(EQ);
        self.expression(true)?;
        self.end()
    }

    /// Writes `;`.
    fn end(&mut self) -> Option<()> {
        if !self.take(SEMICOLON) {
            return None;
        }
        self.operator(SEMICOLON);
        Some(())
    }

    fn structure(&mut self) -> Option<()> {
        self.skip();
        self.word(b"struct");
        self.name()?;
        self.generics()?;
        let has_where = self.where_clause()?;
        match self.peek() {
            TokenKind::Open(Delimiter::Brace) => self.named_fields(),
            TokenKind::Open(Delimiter::Parenthesis) if !has_where => {
                self.unnamed_fields()?;
                self.end()
            }
            _ => self.end(),
        }
    }

    fn named_fields(&mut self) -> Option<()> {
        self.separated(Delimiter::Brace, |writer| {
            writer.attributes()?;
            writer.visibility()?;
            writer.name()?;
            writer.typed()
        })
    }

    fn unnamed_fields(&mut self) -> Option<()> {
        self.separated(Delimiter::Parenthesis, |writer| {
            writer.attributes()?;
            writer.visibility()?;
            writer.ty()
        })
    }

    fn enumeration(&mut self) -> Option<()> {
        self.skip();
        self.word(b"enum");
        self.name()?;
        self.generics()?;
        self.where_clause()?;
        self.separated(Delimiter::Brace, |writer| {
            writer.attributes()?;
            writer.name()?;
            match writer.peek() {
                TokenKind::Open(Delimiter::Brace) => writer.named_fields()?,
                TokenKind::Open(Delimiter::Parenthesis) => writer.unnamed_fields()?,
                _ => {}
            }
            if writer.take(EQ) {
                writer.operator(EQ);
                writer.expression(true)?;
            }
            Some(())
        })
    }

    /// Writes a group with commas between its elements, and none after the last.
    pub(super) fn separated(
        &mut self,
        delimiter: Delimiter,
        element: impl Fn(&mut Self) -> Option<()>,
    ) -> Option<()> {
        let (open, close) = delimiter.bytes();
        self.enter(delimiter)?;
        self.byte(open);
        let mut is_first = true;
        while self.peek() != TokenKind::Close {
            if !is_first {
                self.operator(COMMA);
            }
            is_first = false;
            element(self)?;
            if !self.take(COMMA) {
                break;
            }
        }
        self.leave()?;
        self.byte(close);
        Some(())
    }

    fn implementation(&mut self) -> Option<()> {
        self.skip();
        self.word(b"impl");
        self.generics()?;
        self.path(Angle::Arguments)?;
        if self.take_keyword(Keyword::For) {
            self.word(b"for");
            self.ty()?;
        }
        self.where_clause()?;
        self.members(|writer| {
            writer.visibility()?;
            writer.associated()
        })
    }

    /// Writes what an `impl` or a trait has between its braces.
    fn members(&mut self, member: impl Fn(&mut Self) -> Option<()>) -> Option<()> {
        self.enter(Delimiter::Brace)?;
        self.byte(b'{');
        while self.peek() != TokenKind::Close {
            self.attributes()?;
            member(self)?;
        }
        self.leave()?;
        self.byte(b'}');
        Some(())
    }

    /// Writes `: A + B`, if it is next.
    fn bounded(&mut self) -> Option<()> {
        if !self.take(COLON) {
            return Some(());
        }
        self.operator(COLON);
        let mut closed = 0;
        self.bounds(&mut closed)?;
        (closed == 0).then_some(())
    }

    fn interface(&mut self) -> Option<()> {
        self.skip();
        self.word(b"trait");
        self.name()?;
        self.generics()?;
        self.bounded()?;
        self.where_clause()?;
        self.members(Self::required)
    }

    /// Writes a constant, a type or a function of a trait.
    fn required(&mut self) -> Option<()> {
        match self.peek() {
            TokenKind::Keyword(Keyword::Const)
                if self.peek_at(1) != TokenKind::Keyword(Keyword::Fn) =>
            {
                self.skip();
                self.word(b"const");
                self.name_of_constant()?;
                self.typed()?;
                match self.is(EQ) {
                    true => self.value_of_item(),
                    false => self.end(),
                }
            }
            TokenKind::Keyword(Keyword::Type) => {
                self.skip();
                self.word(b"type");
                self.name()?;
                self.generics()?;
                self.bounded()?;
                if self.take(EQ) {
                    self.operator(EQ);
                    self.ty()?;
                }
                self.end()
            }
            _ => {
                self.signature()?;
                match self.is(SEMICOLON) {
                    true => self.end(),
                    false => self.block().map(drop),
                }
            }
        }
    }
}
