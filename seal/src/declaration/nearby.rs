//! The functions beside a migration in its file, as far as the file's text shows them.
//!
//! They answer questions that the attribute's own tokens cannot answer: whether two functions are in
//! the same module, what a rollback does, and whether a function is in an `impl` block. Functions that
//! a macro writes are not seen, and a name that two functions have answers nothing.

use std::str::FromStr as _;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::Kind;
use crate::{checksum, text::Text};

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
    functions: Vec<Function>,
}

#[derive(Clone, Debug)]
struct Function {
    /// The inline modules around it.
    modules: Vec<String>,
    name: String,
    standing: Standing,
    item: Item,
}

/// What is kept of a function. In a macro, tokens do not outlive the call that made them, and to
/// print and to parse them again takes long.
#[derive(Clone, Debug)]
enum Item {
    /// It has the attribute `#[migration]`.
    Migration,
    /// The checksum of a plain function of a kind.
    Plain(Kind, String),
    /// The text of any other function.
    Other(String),
}

/// Returns the kind and the checksum of a function whose tokens alone tell them.
pub type Plain<'a> = &'a dyn Fn(&TokenStream) -> Option<(Kind, String)>;

impl Nearby {
    /// Reads a file's text. It has no functions if it cannot be read: the compiler then reports why.
    pub fn parse(text: &str, plain: Plain<'_>) -> Self {
        let text = Text::new(text);
        let mut nearby = Self::default();
        if let Ok(stream) = TokenStream::from_str(text.as_str()) {
            nearby.walk(stream, &mut Vec::new(), Standing::Module, plain);
        }
        nearby
    }

    fn walk(
        &mut self,
        stream: TokenStream,
        modules: &mut Vec<String>,
        standing: Standing,
        plain: Plain<'_>,
    ) {
        // The item that is being read.
        let mut item: Vec<TokenTree> = Vec::new();
        for tree in stream {
            let ends = match &tree {
                TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                TokenTree::Punct(punct) => punct.as_char() == ';',
                _ => false,
            };
            item.push(tree);
            if ends {
                self.item(std::mem::take(&mut item), modules, standing, plain);
            }
        }
    }

    fn item(
        &mut self,
        item: Vec<TokenTree>,
        modules: &mut Vec<String>,
        standing: Standing,
        plain: Plain<'_>,
    ) {
        let Some(TokenTree::Group(block)) = item.last() else { return };
        let block = block.stream();
        let word = |at: usize| match item.get(at) {
            Some(TokenTree::Ident(word)) => Some(word.to_string()),
            _ => None,
        };
        // The keyword that tells the item's kind. Attributes are groups, so their words are not read.
        let keyword = (0..item.len()).find_map(|at| {
            word(at).filter(|word| KEYWORDS.contains(&word.as_str())).map(|keyword| (at, keyword))
        });
        match keyword {
            Some((at, keyword)) if keyword == "fn" => {
                if let Some(name) = word(at + 1) {
                    let (modules, item) = (modules.clone(), Item::of(item, plain));
                    self.functions.push(Function { modules, name, standing, item });
                }
            }
            Some((at, keyword)) if keyword == "mod" && standing == Standing::Module => {
                if let Some(name) = word(at + 1) {
                    modules.push(name);
                    self.walk(block, modules, standing, plain);
                    modules.pop();
                }
            }
            Some((_, keyword)) if keyword == "impl" || keyword == "trait" => {
                self.walk(block, modules, Standing::Impl, plain);
            }
            _ => {}
        }
    }

    /// Returns the function of this name, if the file has exactly one.
    fn only(&self, name: &str) -> Option<&Function> {
        let mut all = self.functions.iter().filter(|function| function.name == name);
        all.next().filter(|_| all.next().is_none())
    }

    /// Returns where the migration of this name is, if the file has exactly one function of the name
    /// and the function has the attribute.
    pub fn standing(&self, name: &str) -> Option<Standing> {
        let has_attribute = |item: &Item| match item {
            Item::Migration => true,
            Item::Plain(..) => false,
            Item::Other(text) => text.contains("migration"),
        };
        self.only(name).filter(|function| has_attribute(&function.item)).map(|it| it.standing)
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
        match &self.named(from, path)?.item {
            Item::Migration => None,
            Item::Plain(its_kind, checksum) => (*its_kind == kind).then(|| checksum.clone()),
            Item::Other(text) => Some(checksum::of(kind.name(), syn::parse_str(text).ok()?)),
        }
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

impl Item {
    fn of(item: Vec<TokenTree>, plain: Plain<'_>) -> Self {
        let mut trees = item.iter();
        while let (Some(TokenTree::Punct(_)), Some(TokenTree::Group(attribute))) =
            (trees.next(), trees.next())
        {
            if is_migration(attribute) {
                return Self::Migration;
            }
        }
        let item: TokenStream = item.into_iter().collect();
        match plain(&item) {
            Some((kind, checksum)) => Self::Plain(kind, checksum),
            None => Self::Other(item.to_string()),
        }
    }
}

/// Whether an attribute is `[migration(…)]`, or `[path::migration(…)]`.
fn is_migration(attribute: &Group) -> bool {
    let mut word = String::new();
    for tree in attribute.stream() {
        match tree {
            TokenTree::Ident(ident) => word = ident.to_string(),
            TokenTree::Punct(punct) if punct.as_char() == ':' => {}
            TokenTree::Group(_) => return word == "migration",
            _ => return false,
        }
    }
    false
}

/// The keywords of items with braces. `macro_rules!` is among them, so that its body is skipped.
const KEYWORDS: [&str; 10] =
    ["fn", "mod", "impl", "trait", "struct", "enum", "union", "extern", "macro_rules", "macro"];

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

    /// Takes the functions with `Transaction` for plain.
    fn plain(item: &TokenStream) -> Option<(Kind, String)> {
        item.to_string().contains("Transaction").then(|| (Kind::Transaction, "plain".to_owned()))
    }

    #[test]
    fn functions_are_found_where_they_stand() {
        let nearby = Nearby::parse(FILE.trim_start(), &plain);
        assert_eq!(nearby.standing("one"), Some(Standing::Module));
        assert_eq!(nearby.standing("method"), Some(Standing::Impl));
        assert_eq!(nearby.standing("renamed"), Some(Standing::Module));
        for unseen in ["two", "provided", "twice", "written", "within", "required", "nobody"] {
            assert_eq!(nearby.standing(unseen), None, "{unseen}");
        }
        assert!(nearby.in_one_module("one", "one"));
        assert!(!nearby.in_one_module("one", "two"));
        assert!(!nearby.in_one_module("one", "twice"), "which of the two?");
        assert!(Nearby::parse("fn broken( {", &plain).functions.is_empty());
    }

    #[test]
    fn a_path_is_followed_within_the_file() {
        let nearby = Nearby::parse(FILE.trim_start(), &plain);
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
    fn what_the_tokens_tell_is_not_parsed() {
        let nearby = Nearby::parse(FILE.trim_start(), &plain);
        let found = |kind| nearby.rollback_checksum(kind, "one", &path("simple"));
        assert_eq!(found(Kind::Transaction).as_deref(), Some("plain"));
        assert_eq!(found(Kind::Online), None, "of another kind, which does not compile");
    }
}
