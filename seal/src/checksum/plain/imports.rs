//! `use`: formatters sort, group and split it freely.

use super::{
    operators::{COMMA, PATH, SEMICOLON, STAR},
    tokens::{Delimiter, Keyword, TokenKind},
    writer::Writer,
};

impl<'t> Writer<'t> {
    /// Reads what follows `use`. Attributes and visibility are written since `start`, and are taken back: an
    /// import for each name goes into `imports`.
    pub(super) fn import(&mut self, start: usize, imports: &mut Vec<Vec<u8>>) -> Option<()> {
        self.word(b"use");
        if self.take(PATH) {
            self.operator(PATH);
        }
        let prefix = self.take_back(start);
        self.names(&prefix, &mut Vec::new(), imports)?;
        self.take(SEMICOLON).then_some(())
    }

    fn names(
        &mut self,
        prefix: &[u8],
        above: &mut Vec<&'t [u8]>,
        imports: &mut Vec<Vec<u8>>,
    ) -> Option<()> {
        match self.peek() {
            TokenKind::Operator(STAR) => {
                self.skip();
                let start = self.begin(prefix, above);
                self.operator(STAR);
                self.end_import(start, imports);
            }
            TokenKind::Open(Delimiter::Brace) => {
                self.enter(Delimiter::Brace)?;
                loop {
                    // Not an empty list: the tree drops it, and perhaps the statement.
                    self.names(prefix, above, imports)?;
                    if !self.take(COMMA) || self.peek() == TokenKind::Close {
                        break;
                    }
                }
                self.leave()?;
            }
            TokenKind::Name | TokenKind::Keyword(Keyword::Path) if !self.is_word(b"Self") => {
                let name = self.text();
                if self.take(PATH) {
                    above.push(name);
                    self.names(prefix, above, imports)?;
                    above.pop();
                    return Some(());
                }
                let rename = match self.take_keyword(Keyword::As) {
                    false => name,
                    true => match self.peek() {
                        TokenKind::Name | TokenKind::Keyword(Keyword::Underscore) => self.text(),
                        _ => return None,
                    },
                };
                let start = match above.split_last() {
                    // `a::{self as b}` is `a as b`.
                    Some((last, above)) if name == b"self" && rename != name => {
                        let start = self.begin(prefix, above);
                        self.word(last);
                        start
                    }
                    _ => {
                        let start = self.begin(prefix, above);
                        self.word(name);
                        start
                    }
                };
                if rename != name {
                    self.word(b"as");
                    self.word(rename);
                }
                self.end_import(start, imports);
            }
            _ => return None,
        }
        Some(())
    }

    /// Writes an import up to its name. Returns where it begins.
    fn begin(&mut self, prefix: &[u8], above: &[&[u8]]) -> usize {
        let start = self.written();
        self.all(prefix);
        for name in above {
            self.word(name);
            self.operator(PATH);
        }
        start
    }

    fn end_import(&mut self, start: usize, imports: &mut Vec<Vec<u8>>) {
        self.operator(SEMICOLON);
        imports.push(self.take_back(start));
    }

    /// Writes imports that stand in a row, sorted.
    pub(super) fn settle_imports(&mut self, imports: &mut Vec<Vec<u8>>) {
        imports.sort();
        imports.dedup();
        for import in imports.drain(..) {
            self.all(&import);
        }
    }
}
