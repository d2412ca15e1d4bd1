//! The functions beside a migration in its file, as far as the file's text shows them.
//!
//! They answer questions that the attribute's own tokens cannot answer: whether two functions are in
//! the same module, what a rollback does, and whether a function is in an `impl` block. Functions that
//! a macro writes are not seen, and a name that two functions have answers nothing.
//!
//! Only the items are read. A body is read when it is asked for: that of one rollback.

use super::Kind;
use crate::{
    built_in,
    checksum::{
        self,
        plain::{self, Delimiter, TokenKind, Tokens},
    },
    text::Text,
};

/// Where a function is in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In a module, the file's own or an inline one.
    Module,
    /// In an `impl` block or a trait.
    Impl,
}

/// The functions of one file.
#[derive(Clone, Debug, Default)]
pub struct Nearby {
    tokens: Tokens,
    functions: Vec<Function>,
}

#[derive(Clone, Debug)]
struct Function {
    /// The inline modules around it.
    modules: Vec<String>,
    name: String,
    standing: Standing,
    /// The index of its first token, and that of the brace that opens its body.
    from: usize,
    body: usize,
    /// Whether it has the attribute `#[migration]`.
    is_migration: bool,
}

impl Nearby {
    /// Reads a file's text. It has no functions if it cannot be read.
    pub fn parse(text: &str) -> Self {
        let text = Text::new(text);
        let mut functions = Vec::new();
        let Some(tokens) = Tokens::of_items(text.as_str().to_owned()) else {
            return Self::default();
        };
        let mut walk = Walk { tokens: &tokens, modules: Vec::new(), functions: &mut functions };
        walk.items(0, tokens.len(), Standing::Module);
        Self { tokens, functions }
    }

    /// Returns the function of this name, if the file has exactly one.
    fn only(&self, name: &str) -> Option<&Function> {
        let mut all = self.functions.iter().filter(|function| function.name == name);
        all.next().filter(|_| all.next().is_none())
    }

    /// Returns where the migration of this name is, if the file has exactly one function of the name
    /// and the function has the attribute.
    pub fn standing(&self, name: &str) -> Option<Standing> {
        // A `cfg_attr` may hold the attribute, and it may have another name.
        let may_be = |it: &&Function| it.is_migration || self.text(it).contains("migration");
        self.only(name).filter(may_be).map(|function| function.standing)
    }

    /// Whether both functions are for certain in the same module of the file.
    pub fn in_one_module(&self, first: &str, second: &str) -> bool {
        match (self.only(first), self.only(second)) {
            (Some(first), Some(second)) => first.modules == second.modules,
            _ => false,
        }
    }

    /// Returns the checksum of the function that a path names when it is written at the function `from`,
    /// for a migration of this kind, if the function is in the same file. A migration has none here: it
    /// rolls nothing back.
    pub fn rollback_checksum(&self, kind: Kind, from: &str, path: &[String]) -> Option<String> {
        let function = self.named(from, path)?;
        if function.is_migration {
            return None;
        }
        match self.plain_checksum(function) {
            Some((its_kind, checksum)) => (its_kind == kind).then_some(checksum),
            None => Some(checksum::of(kind.name(), syn::parse_str(self.text(function)).ok()?)),
        }
    }

    fn text(&self, function: &Function) -> &str {
        self.tokens.text_between(function.from, function.body)
    }

    /// Returns the kind and the checksum of a function, if its tokens alone tell them.
    fn plain_checksum(&self, function: &Function) -> Option<(Kind, String)> {
        let (kind, parameter) = head(&self.tokens, function.from, function.body)?;
        let body = Tokens::of_text(self.tokens.group(function.body).to_owned())?;
        Some((kind, plain::of(kind.name(), parameter, &body)?))
    }

    fn named(&self, from: &str, path: &[String]) -> Option<&Function> {
        let mut modules = self.only(from)?.modules.clone();
        let (name, way) = path.split_last()?;
        for step in way {
            match step.as_str() {
                "self" => {}
                // A module above the file is in another file.
                "super" => modules.pop().map(drop)?,
                "crate" => return None,
                inner => modules.push(inner.to_owned()),
            }
        }
        let mut all =
            self.functions.iter().filter(|found| found.name == *name && found.modules == modules);
        let found = all.next().filter(|found| found.standing == Standing::Module)?;
        all.next().is_none().then_some(found)
    }
}

/// The walk over a file's items.
struct Walk<'a> {
    tokens: &'a Tokens,
    modules: Vec<String>,
    functions: &'a mut Vec<Function>,
}

impl Walk<'_> {
    /// Reads the items between two tokens. An item ends with a block or a `;`.
    fn items(&mut self, mut at: usize, end: usize, standing: Standing) {
        let mut from = at;
        while at < end {
            match self.tokens.kind(at) {
                TokenKind::Open(delimiter) => {
                    let close = self.tokens.close_of(at);
                    if delimiter == Delimiter::Brace {
                        self.item(from, at, standing);
                        from = close + 1;
                    }
                    at = close;
                }
                TokenKind::Operator(_) if self.tokens.is(at, b';') => from = at + 1,
                _ => {}
            }
            at += 1;
        }
    }

    /// Reads the item from its first token up to its block.
    fn item(&mut self, from: usize, block: usize, standing: Standing) {
        let from = behind_those_of_the_file(self.tokens, from);
        let (start, is_migration) = behind_attributes(self.tokens, from);
        let mut at = start;
        // The keyword that tells the item's kind.
        while at < block && !KEYWORDS.contains(&self.tokens.word(at)) {
            if let TokenKind::Open(_) = self.tokens.kind(at) {
                at = self.tokens.close_of(at);
            }
            at += 1;
        }
        if at >= block {
            return;
        }
        let name = String::from_utf8_lossy(self.tokens.word(at + 1)).into_owned();
        let is_named = at + 1 < block && !name.is_empty();
        match self.tokens.word(at) {
            b"fn" if is_named => {
                let modules = self.modules.clone();
                let body = block;
                self.functions.push(Function { modules, name, standing, from, body, is_migration });
            }
            b"mod" if is_named && standing == Standing::Module => {
                self.modules.push(name);
                self.items(block + 1, self.tokens.close_of(block), standing);
                self.modules.pop();
            }
            b"impl" | b"trait" => {
                self.items(block + 1, self.tokens.close_of(block), Standing::Impl);
            }
            _ => {}
        }
    }
}

/// Returns where the attributes and the documentation of a file or a module end.
fn behind_those_of_the_file(tokens: &Tokens, mut at: usize) -> usize {
    loop {
        match tokens.kind(at) {
            TokenKind::Operator(0) => at += 1,
            TokenKind::Operator(_) if tokens.is(at, b'#') && tokens.is(at + 1, b'!') => {
                match tokens.kind(at + 2) {
                    TokenKind::Open(_) => at = tokens.close_of(at + 2) + 1,
                    _ => return at,
                }
            }
            _ => return at,
        }
    }
}

/// Returns where the attributes of an item end, and whether `#[migration(…)]` is among them.
fn behind_attributes(tokens: &Tokens, mut at: usize) -> (usize, bool) {
    let mut is_migration = false;
    loop {
        match tokens.kind(at) {
            TokenKind::Documentation => at += 1,
            TokenKind::Operator(_) if tokens.is(at, b'#') => {
                at += 1;
                if tokens.kind(at) != TokenKind::Open(Delimiter::Bracket) {
                    return (at, is_migration);
                }
                is_migration |=
                    path(tokens, at + 1).is_some_and(|(_, last, _)| last == b"migration");
                at = tokens.close_of(at) + 1;
            }
            _ => return (at, is_migration),
        }
    }
}

/// Returns the first and the last word of the path of an attribute, and how many words it has, if something
/// in brackets follows.
fn path(tokens: &Tokens, mut at: usize) -> Option<(&[u8], &[u8], usize)> {
    let first = tokens.word(at);
    let mut count = 0;
    loop {
        if tokens.kind(at) != TokenKind::Name {
            return None;
        }
        count += 1;
        let last = tokens.word(at);
        match tokens.kind(at + 1) {
            TokenKind::Operator(_) if tokens.word(at + 1) == b"::" => at += 2,
            TokenKind::Open(_) => return Some((first, last, count)),
            _ => return None,
        }
    }
}

/// `/// …  pub async fn name(parameter: &mut Kind<'_>) -> Type`: returns the kind and the parameter's name.
fn head(tokens: &Tokens, from: usize, body: usize) -> Option<(Kind, &str)> {
    let mut at = from;
    loop {
        match tokens.kind(at) {
            TokenKind::Documentation => at += 1,
            TokenKind::Operator(_) if tokens.is(at, b'#') => {
                let word = std::str::from_utf8(tokens.word(at + 2)).ok()?;
                let is_path = tokens.word(at + 3) == b"::";
                if !built_in::is_advice(word) || is_path {
                    return None;
                }
                at = tokens.close_of(at + 1) + 1;
            }
            _ => break,
        }
    }
    if tokens.word(at) == b"pub" {
        at += 1;
        if matches!(tokens.kind(at), TokenKind::Open(_)) {
            at = tokens.close_of(at) + 1;
        }
    }
    if tokens.word(at) != b"async" || tokens.word(at + 1) != b"fn" {
        return None;
    }
    let (open, name) = (at + 3, at + 4);
    if tokens.kind(open) != TokenKind::Open(Delimiter::Parenthesis)
        || tokens.kind(name) != TokenKind::Name && tokens.word(name) != b"_"
        || !tokens.is(name + 1, b':')
        || !tokens.is(name + 2, b'&')
        || tokens.word(name + 3) != b"mut"
    {
        return None;
    }
    let mut kind = name + 4;
    while tokens.word(kind + 1) == b"::" {
        kind += 2;
    }
    let close = tokens.close_of(open);
    let is_plain = kind + 1 == close
        || kind + 5 == close
            && tokens.is(kind + 1, b'<')
            && tokens.is(kind + 2, b'\'')
            && tokens.word(kind + 3) == b"_"
            && tokens.is(kind + 4, b'>');
    if !is_plain {
        return None;
    }
    for at in close + 1..body {
        if matches!(tokens.word(at), b"where" | b"impl" | b"dyn" | b"fn" | b"for")
            || matches!(tokens.kind(at), TokenKind::Open(Delimiter::Brace | Delimiter::Bracket))
        {
            return None;
        }
    }
    let kind = Kind::ALL.into_iter().find(|known| known.name().as_bytes() == tokens.word(kind))?;
    Some((kind, std::str::from_utf8(tokens.word(name)).ok()?))
}

/// The keywords of items with braces. `macro_rules!` is among them, so that its body is skipped.
const KEYWORDS: [&[u8]; 10] = [
    b"fn",
    b"mod",
    b"impl",
    b"trait",
    b"struct",
    b"enum",
    b"union",
    b"extern",
    b"macro_rules",
    b"macro",
];

#[cfg(test)]
mod tests {
    //! Which functions are seen, and which are not.

    use super::*;

    const FILE: &str = "
        #!/usr/bin/env cargo
        //! A file.
        use x::{a, b};
        #[migration(version = 1)] pub(crate) async fn one(tx: &mut T<'_>) -> R { Ok(()) }
        fn undo(tx: &mut T<'_>) -> R { two(); }
        async fn simple(tx: &mut Transaction<'_>) -> R { one.two }
        #[m(version = 3)] /** A migration. */ async fn renamed() {}
        pub mod inner {
            async fn two() {}
            fn undo() {}
            fn twice() {}
        }
        impl T { #[migration(version = 2)] async fn method() {} }
        trait U { fn required(); fn provided() { fn within() {} } }
        macro_rules! m { () => { fn written() {} } }
        fn twice() {}
        extern \"C\" fn foreign() {}
    ";

    fn path(text: &str) -> Vec<String> {
        text.split("::").map(str::to_owned).collect()
    }

    #[test]
    fn functions_are_found_where_they_stand() {
        let nearby = Nearby::parse(FILE.trim_start());
        assert_eq!(nearby.standing("one"), Some(Standing::Module));
        assert_eq!(nearby.standing("method"), Some(Standing::Impl));
        assert_eq!(nearby.standing("renamed"), Some(Standing::Module));
        for unseen in ["two", "provided", "twice", "written", "within", "required", "nobody"] {
            assert_eq!(nearby.standing(unseen), None, "{unseen}");
        }
        assert!(nearby.in_one_module("one", "one"));
        assert!(!nearby.in_one_module("one", "two"));
        assert!(!nearby.in_one_module("one", "twice"), "which of the two?");
        assert!(Nearby::parse("fn broken( {").functions.is_empty());
    }

    #[test]
    fn a_path_is_followed_within_the_file() {
        let nearby = Nearby::parse(FILE.trim_start());
        let found = |from, text: &str| nearby.rollback_checksum(Kind::Online, from, &path(text));
        let of =
            |item: &str| Some(checksum::of(Kind::Online.name(), syn::parse_str(item).unwrap()));
        let (long, short) = (of("fn undo(tx: &mut T<'_>) -> R { two(); }"), of("fn undo() {}"));
        assert_ne!(long, short);
        assert_eq!(found("one", "undo"), long);
        assert_eq!(found("one", "self::undo"), long);
        assert_eq!(found("one", "inner::undo"), short);
        assert_eq!(found("two", "undo"), short);
        assert_eq!(found("two", "super::undo"), long);
        for elsewhere in ["super::undo", "crate::undo", "x::undo", "method", "one"] {
            assert_eq!(found("one", elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn what_is_passed_over_in_bodies_hides_nothing() {
        let file = "//! A file.\n#![allow(unused)]\n/// Undoes: }\nasync fn undo(tx: &mut Transaction<'_>) \
                    { \"}\"; r#\"\"}\"#; '}'; 'a: { /* } */ } // }\n }\n#[migration(version = 1)] \
                    async fn größe(tx: &mut Transaction<'_>) -> R { b\"\\\"}\"; }";
        let nearby = Nearby::parse(file);
        let body = "async fn undo(tx: &mut Transaction<'_>) { \"}\"; r#\"\"}\"#; '}'; 'a: {} }";
        let expected = checksum::of("Transaction", syn::parse_str(body).unwrap());
        let found = nearby.rollback_checksum(Kind::Transaction, "größe", &path("undo"));
        assert_eq!(found, Some(expected));
        assert_eq!(nearby.standing("größe"), Some(Standing::Module));
    }

    #[test]
    fn what_the_tokens_tell_is_not_parsed() {
        let nearby = Nearby::parse(FILE.trim_start());
        let found = |kind| nearby.rollback_checksum(kind, "one", &path("simple"));
        let item = "async fn simple(tx: &mut Transaction<'_>) -> R { one.two }";
        let expected = checksum::of("Transaction", syn::parse_str(item).unwrap());
        assert_eq!(found(Kind::Transaction), Some(expected));
        assert_eq!(found(Kind::Online), None, "of another kind, which does not compile");
    }
}
