//! Expressions, by the precedence of their operators.

use super::{
    operators::{
        AND, AND_AND, ASSIGNMENT, BANG, CAST, COLON, COMMA, COMPARISON, CONJUNCTION, DOT, DOT_DOT,
        EQ, LESS, MINUS, OR, OR_OR, PATH, QUESTION, RANGE, SEMICOLON, STAR, THIN_ARROW, binding,
    },
    paths::Angle,
    tokens::{Delimiter, Keyword, TokenKind},
    writer::Writer,
};

/// The class of a written expression, as far as the surrounding code treats classes differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A literal, which has no parentheses.
    Literal,
    /// A name or a path, which has no parentheses.
    Name,
    /// A block, and whether it holds only a last expression.
    Block {
        is_tail: bool,
    },
    /// `if`, `match`
    Branch,
    /// `for`, `loop`, `while`
    Loop,
    /// `break`, `continue`, `return`
    Jump,
    Macro,
    Other,
}

impl Writer<'_> {
    /// Writes an expression. `with_structs` is false in the head of an `if`, for example, where a name and
    /// a brace are no struct.
    pub(super) fn expression(&mut self, with_structs: bool) -> Option<Class> {
        self.operands(0, with_structs)
    }

    /// Writes operands between operators that bind at least as tightly as `tightness`.
    fn operands(&mut self, tightness: u8, with_structs: bool) -> Option<Class> {
        let start = self.written();
        let class = self.operand(with_structs)?;
        self.operators_behind(start, class, tightness, with_structs)
    }

    pub(super) fn operators_behind(
        &mut self,
        start: usize,
        mut class: Class,
        tightness: u8,
        with_structs: bool,
    ) -> Option<Class> {
        loop {
            let operator = match self.peek() {
                TokenKind::Operator(operator) => operator,
                TokenKind::Keyword(Keyword::As) if tightness <= CAST => {
                    self.skip();
                    self.word(b"as");
                    self.target()?;
                    self.fence(start);
                    class = Class::Other;
                    continue;
                }
                _ => return Some(class),
            };
            let bound = binding(operator);
            if bound == 0 || bound < tightness {
                return Some(class);
            }
            self.skip();
            // `a <-1` is an error.
            if operator == LESS && self.is(MINUS) && self.is_joined() {
                return None;
            }
            self.operator(operator);
            // `for i in 0.. { … }`: the brace begins the loop's body.
            if bound == RANGE && !with_structs && self.peek() == TokenKind::Open(Delimiter::Brace) {
                return None;
            }
            let further = if bound == ASSIGNMENT { bound } else { bound + 1 };
            self.operands(further, with_structs)?;
            self.fence(start);
            class = Class::Other;
            if (bound == RANGE || bound == COMPARISON) && self.binds(bound)
                || bound == RANGE && self.binds(ASSIGNMENT)
            {
                return None;
            }
        }
    }

    fn binds(&self, bound: u8) -> bool {
        matches!(self.peek(), TokenKind::Operator(operator) if binding(operator) == bound)
    }

    fn operand(&mut self, with_structs: bool) -> Option<Class> {
        let start = self.written();
        match self.peek() {
            TokenKind::Operator(AND) => {
                self.skip();
                self.reference(start, with_structs)?;
            }
            TokenKind::Operator(AND_AND) => {
                self.skip();
                self.operator(AND);
                let inner = self.written();
                self.reference(inner, with_structs)?;
                self.fence(start);
            }
            TokenKind::Operator(operator @ (BANG | MINUS | STAR)) => {
                self.skip();
                self.operator(operator);
                self.operand(with_structs)?;
                self.fence(start);
            }
            TokenKind::Operator(OR | OR_OR) | TokenKind::Keyword(Keyword::Move) => {
                self.closure(with_structs)?;
            }
            TokenKind::Keyword(Keyword::Async) => {
                let ahead =
                    if self.peek_at(1) == TokenKind::Keyword(Keyword::Move) { 2 } else { 1 };
                if matches!(self.peek_at(ahead), TokenKind::Operator(OR | OR_OR)) {
                    self.closure(with_structs)?;
                } else {
                    self.skip();
                    self.word(b"async");
                    if self.take_keyword(Keyword::Move) {
                        self.word(b"move");
                    }
                    self.block()?;
                    self.fence(start);
                    return self.behind(start, Class::Other);
                }
            }
            TokenKind::Keyword(
                keyword @ (Keyword::Break | Keyword::Continue | Keyword::Return),
            ) => {
                self.skip();
                self.jump(keyword)?;
                self.fence(start);
                return Some(Class::Jump);
            }
            _ => {
                let class = self.primary(with_structs)?;
                return self.behind(start, class);
            }
        }
        Some(Class::Other)
    }

    /// Writes what follows `&`.
    fn reference(&mut self, start: usize, with_structs: bool) -> Option<()> {
        self.operator(AND);
        if self.take_keyword(Keyword::Mut) {
            self.word(b"mut");
        }
        self.operand(with_structs)?;
        self.fence(start);
        Some(())
    }

    fn jump(&mut self, keyword: Keyword) -> Option<()> {
        self.word(match keyword {
            Keyword::Break => b"break".as_slice(),
            Keyword::Continue => b"continue",
            _ => b"return",
        });
        if self.is_done() {
            return Some(());
        }
        if keyword != Keyword::Return {
            return None;
        }
        // Structs may stand there, wherever the `return` stands.
        self.expression(true)?;
        Some(())
    }

    fn closure(&mut self, with_structs: bool) -> Option<()> {
        let start = self.written();
        if self.take_keyword(Keyword::Async) {
            self.word(b"async");
        }
        if self.take_keyword(Keyword::Move) {
            self.word(b"move");
        }
        if self.take(OR_OR) {
            self.operator(OR);
        } else {
            if !self.take(OR) {
                return None;
            }
            self.operator(OR);
            let mut is_first = true;
            while !self.take(OR) {
                if !is_first {
                    self.operator(COMMA);
                }
                is_first = false;
                self.typed_pattern()?;
                if !self.take(COMMA) && !self.is(OR) {
                    return None;
                }
            }
        }
        self.operator(OR);
        let has_arrow = self.is(THIN_ARROW);
        let arrow = self.written();
        let mut closed = 0;
        self.output(true, &mut closed)?;
        // `-> ()` is not written.
        let has_output = self.written() > arrow;
        if has_output {
            self.byte(b'{');
        }
        let body = self.written();
        let class = match has_arrow {
            false => self.expression(with_structs)?,
            true => self.block_of_closure()?,
        };
        self.unbrace(body, class);
        if has_output {
            self.byte(b'}');
        }
        self.fence(start);
        Some(())
    }

    /// Writes the block after a closure's type, which ends the closure.
    fn block_of_closure(&mut self) -> Option<Class> {
        if self.peek() != TokenKind::Open(Delimiter::Brace) {
            return None;
        }
        let class = self.primary(true)?;
        match self.peek() {
            TokenKind::Open(_) | TokenKind::Operator(DOT | QUESTION) => None,
            _ => Some(class),
        }
    }

    /// Takes `x` out of `{ x }`.
    fn unbrace(&mut self, start: usize, class: Class) {
        if class == (Class::Block { is_tail: true }) {
            self.strip(start, 2);
        }
    }

    /// Writes what follows an expression and belongs to it.
    pub(super) fn behind(&mut self, start: usize, mut class: Class) -> Option<Class> {
        loop {
            match self.peek() {
                TokenKind::Operator(DOT) => {
                    self.skip();
                    self.operator(DOT);
                    self.member()?;
                }
                TokenKind::Operator(QUESTION) => {
                    self.skip();
                    self.operator(QUESTION);
                }
                TokenKind::Open(Delimiter::Parenthesis) => self.arguments()?,
                TokenKind::Open(Delimiter::Bracket) => {
                    self.enter(Delimiter::Bracket)?;
                    self.byte(b'[');
                    self.expression(true)?;
                    self.leave()?;
                    self.byte(b']');
                }
                _ => return Some(class),
            }
            self.fence(start);
            class = Class::Other;
        }
    }

    /// Writes what follows `.`.
    fn member(&mut self) -> Option<()> {
        match self.peek() {
            TokenKind::Keyword(Keyword::Await) => {
                self.skip();
                self.word(b"await");
            }
            TokenKind::Name => {
                self.name()?;
                let is_generic = self.is(PATH);
                self.turbofish()?;
                if self.peek() == TokenKind::Open(Delimiter::Parenthesis) {
                    self.arguments()?;
                } else if is_generic {
                    return None;
                }
            }
            TokenKind::Literal => {
                let index = self.text();
                let is_index = index.iter().all(u8::is_ascii_digit);
                if !is_index || (index.len() > 1 && index[0] == b'0') || index.len() > 9 {
                    return None;
                }
                self.value(b'n', index, b"");
            }
            _ => return None,
        }
        Some(())
    }

    /// Writes `(a, b)`.
    fn arguments(&mut self) -> Option<()> {
        self.enter(Delimiter::Parenthesis)?;
        self.byte(b'(');
        self.list()?;
        self.leave()?;
        self.byte(b')');
        Some(())
    }

    /// Writes `a, b` up to the end of the group. Returns how many expressions there are.
    fn list(&mut self) -> Option<usize> {
        let mut count = 0;
        while self.peek() != TokenKind::Close {
            if count > 0 {
                self.operator(COMMA);
            }
            self.expression(true)?;
            count += 1;
            if !self.take(COMMA) {
                break;
            }
        }
        Some(count)
    }

    /// Writes an expression that no operator can split.
    pub(super) fn primary(&mut self, with_structs: bool) -> Option<Class> {
        let start = self.written();
        let class = match self.peek() {
            TokenKind::Literal => {
                self.literal()?;
                return Some(Class::Literal);
            }
            TokenKind::Name | TokenKind::Keyword(Keyword::Path) | TokenKind::Operator(PATH) => {
                return self.named(with_structs);
            }
            TokenKind::Keyword(Keyword::Bool) => {
                let bool = self.text();
                self.word(bool);
                return Some(Class::Literal);
            }
            TokenKind::Keyword(Keyword::Underscore) => {
                self.skip();
                self.word(b"_");
                let ends =
                    matches!(self.peek(), TokenKind::Close | TokenKind::Operator(COMMA | EQ));
                return ends.then_some(Class::Name);
            }
            TokenKind::Open(Delimiter::Parenthesis) => return self.parenthesis(),
            TokenKind::Open(Delimiter::Bracket) => {
                self.array()?;
                Class::Other
            }
            TokenKind::Open(Delimiter::Brace) => {
                let single = self.block()?;
                if single == Some(Class::Literal) {
                    self.strip(start, 1);
                    return Some(Class::Literal);
                }
                Class::Block { is_tail: single.is_some() }
            }
            TokenKind::Keyword(Keyword::If) => {
                self.branches()?;
                Class::Branch
            }
            TokenKind::Keyword(Keyword::Match) => {
                self.matching()?;
                Class::Branch
            }
            TokenKind::Keyword(Keyword::For) => {
                self.skip();
                self.word(b"for");
                self.pattern()?;
                if !self.take_keyword(Keyword::In) {
                    return None;
                }
                self.word(b"in");
                self.expression(false)?;
                self.block()?;
                Class::Loop
            }
            TokenKind::Keyword(Keyword::While) => {
                self.skip();
                self.word(b"while");
                self.condition()?;
                self.block()?;
                Class::Loop
            }
            TokenKind::Keyword(Keyword::Loop) => {
                self.skip();
                self.word(b"loop");
                self.block()?;
                Class::Loop
            }
            _ => return None,
        };
        self.fence(start);
        Some(class)
    }

    /// Writes a path, or the macro or struct that it names.
    fn named(&mut self, with_structs: bool) -> Option<Class> {
        let (start, path) = (self.written(), self.place());
        self.path(Angle::Comparison)?;
        if self.is(BANG) && matches!(self.peek_at(1), TokenKind::Open(_)) {
            // The path of a macro takes no arguments.
            if self.has_any(path, LESS) {
                return None;
            }
            self.skip();
            self.operator(BANG);
            self.invocation()?;
            self.fence(start);
            return Some(Class::Macro);
        }
        if with_structs && self.peek() == TokenKind::Open(Delimiter::Brace) {
            self.fields()?;
            self.fence(start);
            return Some(Class::Other);
        }
        Some(Class::Name)
    }

    /// Writes the expression in redundant parentheses, or a tuple.
    fn parenthesis(&mut self) -> Option<Class> {
        let start = self.written();
        self.enter(Delimiter::Parenthesis)?;
        let mut class = Class::Other;
        if self.peek() != TokenKind::Close {
            class = self.expression(true)?;
            if self.peek() == TokenKind::Close {
                self.leave()?;
                return Some(class);
            }
            if !self.take(COMMA) {
                return None;
            }
            class = Class::Other;
            self.operator(COMMA);
            if self.peek() != TokenKind::Close {
                self.list()?;
            }
        }
        self.leave()?;
        self.fence(start);
        self.fence(start);
        Some(class)
    }

    /// Writes `[a, b]` or `[a; n]`.
    fn array(&mut self) -> Option<()> {
        self.enter(Delimiter::Bracket)?;
        self.byte(b'[');
        if self.peek() != TokenKind::Close {
            self.expression(true)?;
            if self.take(SEMICOLON) {
                self.operator(SEMICOLON);
                self.expression(true)?;
            } else if self.take(COMMA) && self.peek() != TokenKind::Close {
                self.operator(COMMA);
                self.list()?;
            }
        }
        self.leave()?;
        self.byte(b']');
        Some(())
    }

    /// Writes `{ a: x, b, ..rest }`.
    fn fields(&mut self) -> Option<()> {
        self.enter(Delimiter::Brace)?;
        self.byte(b'{');
        let mut is_first = true;
        while self.peek() != TokenKind::Close {
            if self.take(DOT_DOT) {
                self.operator(DOT_DOT);
                self.expression(true)?;
                break;
            }
            if !is_first {
                self.operator(COMMA);
            }
            is_first = false;
            let name = self.written();
            self.name()?;
            let named = self.written();
            if self.take(COLON) {
                self.operator(COLON);
                let value = self.written();
                let class = self.expression(true)?;
                if class == Class::Name && self.repeats(name, named, value) {
                    self.truncate(named);
                }
            }
            if !self.take(COMMA) {
                break;
            }
        }
        self.leave()?;
        self.byte(b'}');
        Some(())
    }

    fn branches(&mut self) -> Option<()> {
        self.skip();
        self.word(b"if");
        self.condition()?;
        self.block()?;
        if self.take_keyword(Keyword::Else) {
            self.word(b"else");
            if self.is_keyword(Keyword::If) {
                return self.branches();
            }
            self.block()?;
        }
        Some(())
    }

    fn condition(&mut self) -> Option<()> {
        let start = self.written();
        if !self.take_keyword(Keyword::Let) {
            self.expression(false)?;
            return Some(());
        }
        self.word(b"let");
        self.pattern()?;
        if !self.take(EQ) {
            return None;
        }
        self.operator(EQ);
        self.operands(CONJUNCTION + 1, false)?;
        self.fence(start);
        Some(())
    }

    fn matching(&mut self) -> Option<()> {
        self.skip();
        self.word(b"match");
        self.expression(false)?;
        self.enter(Delimiter::Brace)?;
        self.byte(b'{');
        while self.peek() != TokenKind::Close {
            self.arm()?;
        }
        self.leave()?;
        self.byte(b'}');
        Some(())
    }
}
