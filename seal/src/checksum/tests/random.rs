//! Random bodies: what they hold is written by chance, most of it as Rust has it.

/// Numbers that look random, and are the same in every run.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }

    pub(super) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn word(&mut self, words: &str) -> String {
        let words: Vec<&str> = words.split(' ').collect();
        words[self.below(words.len())].to_owned()
    }

    fn name(&mut self) -> String {
        match self.one_in(40) {
            true => self.word("Self self r#type crate _"),
            false => self.word("a b user default union T E name_1 raw auto x y"),
        }
    }

    /// Returns elements with commas between them, and perhaps after them.
    fn list(&mut self, most: usize, mut element: impl FnMut(&mut Self) -> String) -> String {
        let count = self.below(most + 1);
        let mut all: Vec<String> = (0..count).map(|_| element(self)).collect();
        if count > 0 && self.one_in(3) {
            all.push(String::new());
        }
        all.join(", ")
    }

    fn maybe(&mut self, text: impl FnOnce(&mut Self) -> String) -> String {
        if self.one_in(3) { text(self) } else { String::new() }
    }

    fn lifetime(&mut self) -> String {
        self.word("'a 'b 'static '_")
    }

    fn path(&mut self, depth: usize) -> String {
        let mut path =
            self.word("A String std::fmt::Result crate::x::B Self Self::Item ::core::C super::D");
        if depth > 0 && self.one_in(3) {
            let list = self.list(3, |this| match this.below(7) {
                0 => this.lifetime(),
                1 => this.word("3 true \"x\" 'c'"),
                2 => format!("Item = {}", this.ty(depth - 1)),
                _ => this.ty(depth - 1),
            });
            path += &format!("<{list}>");
        }
        path
    }

    fn bounds(&mut self, depth: usize) -> String {
        let count = 1 + self.below(3);
        let bound = |this: &mut Self| match this.below(7) {
            0 => this.lifetime(),
            1 => "?Sized".to_owned(),
            2 if depth > 0 => {
                let inputs = this.list(2, |this| this.ty(depth - 1));
                let output = this.output(depth - 1);
                format!("{}Fn({inputs}){output}", this.maybe(|_| "for<'a> ".to_owned()))
            }
            _ => this.path(depth),
        };
        (0..count).map(|_| bound(self)).collect::<Vec<_>>().join(" + ")
    }

    fn output(&mut self, depth: usize) -> String {
        match self.below(3) {
            0 => String::new(),
            1 => " -> ()".to_owned(),
            _ => format!(" -> {}", self.ty(depth)),
        }
    }

    fn ty(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.word("u8 &str String _ () ! Self &'a&'b[u8]");
        }
        let depth = depth - 1;
        match self.below(14) {
            0 => format!("&{}", self.ty(depth)),
            1 => format!("&{} {}", self.lifetime(), self.ty(depth)),
            2 => format!("&mut {}", self.ty(depth)),
            3 => format!("[{}]", self.ty(depth)),
            4 => format!("[{}; {}]", self.ty(depth), self.expression(depth.min(1))),
            5 => format!("({})", self.list(3, |this| this.ty(depth))),
            6 => format!("dyn {}", self.bounds(depth)),
            7 => format!("impl {}", self.bounds(depth)),
            8 => format!("*const {}", self.ty(depth)),
            9 => format!("fn({}){}", self.list(2, |this| this.ty(depth)), self.output(depth)),
            10 => format!("Vec<Vec<{}>>", self.ty(depth)),
            _ => self.path(depth),
        }
    }

    fn pattern(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.word("a mut b _ 3 None &c true");
        }
        let depth = depth - 1;
        match self.below(6) {
            0 => format!("Some({})", self.list(2, |this| this.pattern(depth))),
            1 => format!(
                "S {{ {} }}",
                self.list(2, |this| format!("{}: {}", this.name(), this.pattern(depth)))
            ),
            2 => format!("({})", self.list(3, |this| this.pattern(depth))),
            3 => format!("&{}", self.pattern(depth)),
            _ => self.pattern(0),
        }
    }

    fn expression(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.word(
                "a 1 2.50 \"x\\n\" 'c' '\\'' true f(a) b.0 a.b() r\"y\" r#\"\"z\"\"# 1_000u8 x? S::<u8>::new() () [1,2]",
            );
        }
        let depth = depth - 1;
        match self.below(23) {
            0 => format!("{} + {}", self.expression(depth), self.expression(depth)),
            1 => format!("{} as {}", self.expression(depth), self.ty(depth)),
            2 => format!("-{}", self.expression(depth)),
            3 => format!("&{}", self.expression(depth)),
            4 => format!("f({})", self.list(3, |this| this.expression(depth))),
            5 => format!("({})", self.list(2, |this| this.expression(depth))),
            6 => format!("[{}]", self.list(3, |this| this.expression(depth))),
            7 => format!(
                "doc! {{ \"a\": {}, \"b\": [1, {},] }}",
                self.expression(depth),
                self.expression(depth)
            ),
            8 => format!(
                "S {{ {} }}",
                self.list(2, |this| format!("{}: {}", this.name(), this.expression(depth)))
            ),
            9 => format!(
                "if {} {} else {}",
                self.expression(0),
                self.block(depth),
                self.block(depth)
            ),
            10 => {
                let arms = self
                    .list(3, |this| format!("{} => {}", this.pattern(1), this.expression(depth)));
                format!("match {} {{ {arms} }}", self.expression(0))
            }
            11 => format!("|{}| {}", self.list(2, |this| this.pattern(1)), self.expression(depth)),
            12 => format!(
                "|{}| -> {} {}",
                self.list(2, |this| format!("{}: {}", this.pattern(0), this.ty(depth))),
                self.ty(depth),
                self.block(depth)
            ),
            13 => format!("async {}{}", self.maybe(|_| "move ".to_owned()), self.block(depth)),
            14 => format!("{}.m({})", self.expression(depth), self.expression(depth)),
            15 => format!("{} < {}", self.expression(depth), self.expression(depth)),
            16 => {
                format!("for {} in {} {}", self.pattern(1), self.expression(0), self.block(depth))
            }
            17 => format!("vec![{}]", self.list(3, |this| this.expression(depth))),
            18 => self.block(depth),
            19 => format!("return {}", self.expression(depth)),
            20 => format!("{}..{}", self.expression(depth), self.maybe(|this| this.expression(0))),
            21 => {
                format!("for {} in {}.. {}", self.pattern(1), self.expression(0), self.block(depth))
            }
            _ => format!("Vec::<{}>::new()", self.ty(depth)),
        }
    }

    fn attributes(&mut self) -> String {
        let mut text = String::new();
        while self.one_in(3) {
            text += match self.below(12) {
                0 => "/// Documented: it's \"so\".\n",
                1 => "#[derive(Clone, Copy,)] ",
                2 => "#[derive(Debug)] ",
                3 => "#[allow(dead_code, reason = \"x\\u{41}\")] ",
                4 => "#[serde(rename = \"_id\", default)] ",
                5 => "#[serde { a([1, 2,], (3,)), }] ",
                6 => "#[repr(u8)] ",
                7 => "/** A block. */ ",
                8 => "#[rustfmt::skip] ",
                9 => "#[inline] ",
                10 => "#[x::migration(1)] ",
                _ => "#[path = \"x\"] ",
            };
        }
        text
    }

    fn visibility(&mut self) -> String {
        self.maybe(|this| this.word("pub pub(crate) pub(super) pub pub(self) pub(crate)") + " ")
    }

    fn generics(&mut self, depth: usize) -> String {
        self.maybe(|this| {
            let list = this.list(3, |this| match this.below(5) {
                0 => "'a".to_owned(),
                1 => "'b: 'a + 'static".to_owned(),
                2 => format!("const N: usize{}", this.maybe(|_| " = 3".to_owned())),
                3 => format!(
                    "T: {}{}",
                    this.bounds(depth),
                    this.maybe(|this| format!(" = {}", this.ty(1)))
                ),
                _ => "U".to_owned(),
            });
            format!("<{list}>")
        })
    }

    fn clause(&mut self, depth: usize) -> String {
        self.maybe(|this| {
            let list = this.list(2, |this| match this.below(4) {
                0 => "'a: 'b".to_owned(),
                1 => format!("for<'c> {}: {}", this.ty(depth), this.bounds(depth)),
                _ => format!("{}: {}", this.ty(depth), this.bounds(depth)),
            });
            format!(" where {list}")
        })
    }

    fn fields(&mut self, depth: usize) -> String {
        let field = |this: &mut Self| {
            format!("{}{}{}: {}", this.attributes(), this.visibility(), this.name(), this.ty(depth))
        };
        format!("{{ {} }}", self.list(3, field))
    }

    fn unnamed(&mut self, depth: usize) -> String {
        let field = |this: &mut Self| {
            format!("{}{}{}", this.attributes(), this.visibility(), this.ty(depth))
        };
        format!("({})", self.list(3, field))
    }

    fn signature(&mut self, depth: usize) -> String {
        let receiver = self.maybe(|this| {
            this.word("self, &self, mut\u{a0}self, &'a\u{a0}mut\u{a0}self, self:\u{a0}Box<Self>, &mut\u{a0}self,")
                .replace('\u{a0}', " ")
        });
        let inputs = self.list(2, |this| format!("{}: {}", this.pattern(1), this.ty(depth)));
        format!(
            "{}fn {}{}({receiver} {inputs}){}{}",
            self.word("async\u{a0} const\u{a0} \u{a0} \u{a0} \u{a0} unsafe\u{a0}")
                .replace('\u{a0}', " "),
            self.name(),
            self.generics(depth),
            self.output(depth),
            self.clause(depth),
        )
    }

    fn tree(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 4 } else { 6 }) {
            0 => "*".to_owned(),
            1 => "a as b".to_owned(),
            2 => self
                .word("self a::self b::c self\u{a0}as\u{a0}d a\u{a0}as\u{a0}_")
                .replace('\u{a0}', " "),
            3 => self.word("a b c crate::d"),
            4 => format!("a::{}", self.tree(depth - 1)),
            _ => format!("{{{}}}", self.list(3, |this| this.tree(depth - 1))),
        }
    }

    /// Returns a constant, a type or a function.
    fn associated(&mut self, depth: usize) -> String {
        match self.below(3) {
            0 => format!(
                "const {}: {} = {};",
                self.word("A _ B"),
                self.ty(depth),
                self.expression(depth)
            ),
            1 => format!("type {}{} = {};", self.name(), self.generics(depth), self.ty(depth)),
            _ => format!("{} {}", self.signature(depth), self.block(depth.min(1))),
        }
    }

    pub(super) fn item(&mut self, depth: usize) -> String {
        let (attributes, visibility) = (self.attributes(), self.visibility());
        let item = match self.below(12) {
            0 => format!(
                "static {}{}: {} = {};",
                self.maybe(|_| "mut ".to_owned()),
                self.name(),
                self.ty(depth),
                self.expression(depth)
            ),
            1 => format!(
                "struct {}{}{} {}",
                self.name(),
                self.generics(depth),
                self.clause(depth),
                self.fields(depth)
            ),
            2 => format!("struct {}{}{};", self.name(), self.generics(depth), self.unnamed(depth)),
            3 => format!("struct {}{};", self.name(), self.clause(depth)),
            4 => {
                let variant = |this: &mut Self| {
                    let fields = match this.below(3) {
                        0 => String::new(),
                        1 => this.fields(depth),
                        _ => this.unnamed(depth),
                    };
                    let number = this.maybe(|this| format!(" = {}", this.expression(1)));
                    format!("{}{}{fields}{number}", this.attributes(), this.name())
                };
                format!(
                    "enum {}{}{} {{ {} }}",
                    self.name(),
                    self.generics(depth),
                    self.clause(depth),
                    self.list(3, variant)
                )
            }
            5 | 6 => {
                let of = self.maybe(|this| format!("{} for ", this.path(depth)));
                let mut items = String::new();
                while self.one_in(2) {
                    items += &(self.attributes() + &self.visibility() + &self.associated(depth));
                }
                format!(
                    "impl{} {of}{}{} {{ {items} }}",
                    self.generics(depth),
                    self.path(depth),
                    self.clause(depth)
                )
            }
            7 => {
                let mut items = String::new();
                while self.one_in(2) {
                    items += &self.attributes();
                    items += &match self.below(4) {
                        0 => format!("{};", self.signature(depth)),
                        1 => format!("type {}: {};", self.name(), self.bounds(depth)),
                        2 => format!("const A: {};", self.ty(depth)),
                        _ => self.associated(depth),
                    };
                }
                let above = self.maybe(|this| format!(": {}", this.bounds(depth)));
                format!(
                    "trait {}{}{above}{} {{ {items} }}",
                    self.name(),
                    self.generics(depth),
                    self.clause(depth)
                )
            }
            8 | 9 => format!("use {}{};", self.maybe(|_| "::".to_owned()), self.tree(2)),
            _ => self.associated(depth),
        };
        attributes + &visibility + &item
    }

    fn statement(&mut self, depth: usize) -> String {
        match self.below(8) {
            0 => self.item(depth),
            1 => format!("use {};", self.tree(1)),
            2 | 3 => {
                let ty = self.maybe(|this| format!(": {}", this.ty(depth)));
                format!(
                    "{}let {}{ty} = {};",
                    self.maybe(Self::attributes),
                    self.pattern(1),
                    self.expression(depth)
                )
            }
            4 => self.expression(depth),
            5 => ";".to_owned(),
            _ => format!("{};", self.expression(depth)),
        }
    }

    pub(super) fn block(&mut self, depth: usize) -> String {
        let mut text = "{ ".to_owned();
        for _ in 0..self.below(3) {
            text += &self.statement(depth);
            text.push(' ');
        }
        text += &self.maybe(|this| this.expression(depth.min(1)));
        text + " }"
    }

    /// Returns a body in which items are usual.
    pub(super) fn body(&mut self) -> String {
        let mut text = "{ ".to_owned();
        for _ in 0..1 + self.below(3) {
            text += &if self.one_in(2) { self.item(2) } else { self.statement(2) };
            text.push('\n');
        }
        text += &self.maybe(|this| this.expression(1));
        text + " }"
    }
}
