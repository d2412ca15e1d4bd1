//! The names in the tokens of an item. Pure: tokens in, names out.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::{ItemUse, Lit, LitStr};

use crate::code::{Leaf, leaves, line};

/// A path, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// Its parts; the first is empty if it begins with `::`.
    pub(super) path: Vec<String>,
    /// Whether it is called as a macro.
    pub(super) is_macro: bool,
    /// Whether it is called as a function, so that it is no variable.
    pub(super) is_call: bool,
    /// Whether it is in a string: only a constant counts, or what an attribute of serde names.
    pub(super) is_in_text: bool,
}

impl Name {
    fn of(path: Vec<String>) -> Self {
        Self { path, is_macro: false, is_call: false, is_in_text: false }
    }
}

/// The names in an item.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The paths, and the first line of each.
    pub(super) paths: BTreeMap<Name, usize>,
    /// The methods that are called.
    pub(super) methods: BTreeSet<String>,
    /// The imports within the item, by name.
    pub(super) imports: BTreeMap<String, Vec<String>>,
    /// The paths of the imports of everything within the item, and their lines.
    pub(super) globs: Vec<(Vec<String>, usize)>,
    /// Names that the item itself gives to variables.
    bound: BTreeSet<String>,
}

/// Words before a name that the item itself makes.
const MAKES: [&str; 12] =
    ["fn", "let", "mut", "ref", "for", "struct", "enum", "union", "trait", "type", "mod", "static"];

/// Words that are no names.
const KEYWORDS: [&str; 33] = [
    "as", "async", "await", "break", "const", "continue", "dyn", "else", "extern", "false", "fn",
    "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref",
    "return", "static", "struct", "trait", "true", "type", "unsafe", "use", "where", "while",
];

/// The keys of serde's attributes whose text is a path.
const SERDE: [&str; 10] = [
    "with",
    "serialize_with",
    "deserialize_with",
    "default",
    "from",
    "into",
    "try_from",
    "remote",
    "getter",
    "skip_serializing_if",
];

/// Reads the names in an item.
pub(super) fn scan(stream: TokenStream) -> Names {
    let mut names = Names::default();
    names.walk(stream, Around::default());
    let bound = std::mem::take(&mut names.bound);
    // A variable of the name hides what is imported. A call may mean either, and is kept.
    names.paths.retain(|name, _| match name.path.as_slice() {
        [only] if !name.is_macro && !name.is_call => !bound.contains(only),
        _ => true,
    });
    names
}

/// What is around the tokens.
#[derive(Clone, Copy, Default)]
struct Around {
    is_macro: bool,
    is_serde: bool,
}

impl Names {
    fn walk(&mut self, stream: TokenStream, around: Around) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            match tree {
                TokenTree::Ident(word) if *word == "use" && !is_char(trees.get(at + 1), '<') => {
                    at = self.import(&trees, at);
                }
                TokenTree::Ident(_) => at = self.path(&trees, at),
                TokenTree::Group(group) => {
                    let before = at.checked_sub(1).and_then(|before| trees.get(before));
                    let is_attribute =
                        group.delimiter() == Delimiter::Bracket && is_char(before, '#');
                    let mut inside = around;
                    inside.is_serde |= is_attribute && first_word(group.stream()) == "serde";
                    inside.is_macro |= is_char(before, '!')
                        || matches!(before, Some(TokenTree::Ident(_)))
                            && is_char(at.checked_sub(2).and_then(|at| trees.get(at)), '!');
                    self.walk(group.stream(), inside);
                    at += 1;
                }
                TokenTree::Literal(literal) => {
                    if let Lit::Str(text) = Lit::new(literal.clone()) {
                        if around.is_macro {
                            self.captures(&text.value(), line(literal.span()));
                        }
                        if around.is_serde && is_serde_key(&trees, at) {
                            self.in_serde(&text);
                        }
                    }
                    at += 1;
                }
                TokenTree::Punct(punct) => {
                    // `'a` is a lifetime.
                    at += if punct.as_char() == '\'' { 2 } else { 1 };
                }
            }
        }
    }

    /// Reads the path that begins here. Returns where it ends.
    fn path(&mut self, trees: &[TokenTree], from: usize) -> usize {
        let mut parts: Vec<String> = word(trees.get(from)).into_iter().collect();
        let mut at = from + 1;
        while is_path(trees, at)
            && let Some(next) = word(trees.get(at + 2))
        {
            parts.push(next);
            at += 3;
        }
        let before = |back: usize| from.checked_sub(back).and_then(|at| trees.get(at));
        let single = parts.len() == 1;
        let Some(first) = parts.first().cloned() else { return at };
        let line = line(trees.get(from).map_or_else(proc_macro2::Span::call_site, TokenTree::span));
        if is_char(before(1), '.') && !is_char(before(2), '.') {
            self.methods.insert(first);
            return at;
        }
        if is_char(before(1), ':') && is_char(before(2), ':') {
            // `<T>::name` belongs to the type; `::name` begins at the crates.
            let continues =
                is_char(before(3), '>') && !is_char(before(4), '-') && !is_char(before(4), '=');
            if continues {
                return at;
            }
            parts.insert(0, String::new());
        } else if single {
            let made = word(before(1)).is_some_and(|word| MAKES.contains(&word.as_str()))
                || word(before(1)).as_deref() == Some("const") && is_char(trees.get(at), ':')
                || is_char(before(1), '|') && opens_closure(before(2));
            if made {
                self.bound.insert(first);
                return at;
            }
            // A field's name, a parameter, a variable with its type.
            let is_key = is_char(trees.get(at), ':') && !is_path(trees, at);
            if is_key || KEYWORDS.contains(&first.as_str()) {
                return at;
            }
        }
        if single && matches!(first.as_str(), "self" | "Self" | "super" | "crate" | "_")
            || first == "Self"
        {
            return at;
        }
        let is_macro = is_char(trees.get(at), '!')
            && matches!(trees.get(at + 1), Some(TokenTree::Group(_) | TokenTree::Ident(_)));
        // `let round = round(7)` calls the function.
        let is_call = matches!(trees.get(at), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
        self.enter(Name { is_macro, is_call, ..Name::of(parts) }, line);
        at
    }

    fn enter(&mut self, name: Name, line: usize) {
        self.paths.entry(name).or_insert(line);
    }

    /// Reads `use …;`. Returns where it ends.
    fn import(&mut self, trees: &[TokenTree], from: usize) -> usize {
        let end = trees[from..].iter().position(|tree| is_char(Some(tree), ';'));
        let Some(end) = end.map(|end| from + end + 1) else { return from + 1 };
        let item: TokenStream = trees[from..end].iter().cloned().collect();
        let Ok(item) = syn::parse2::<ItemUse>(item) else { return from + 1 };
        let start = if item.leading_colon.is_some() { vec![String::new()] } else { Vec::new() };
        let line = line(item.use_token.span);
        leaves(&item.tree, start, &mut |leaf, path| match leaf {
            Leaf::Name(name) => {
                self.imports.insert(name, path);
            }
            Leaf::Everything => self.globs.push((path, line)),
            Leaf::Unnamed => {
                self.paths.entry(Name::of(path)).or_insert(line);
            }
        });
        end
    }

    /// Reads what a format string captures: `{NAME}` and `{NAME:?}`.
    fn captures(&mut self, text: &str, line: usize) {
        for part in text.split('{').skip(1) {
            let name: String =
                part.chars().take_while(|each| each.is_alphanumeric() || *each == '_').collect();
            let rest = &part[name.len()..];
            if !name.is_empty() && (rest.starts_with('}') || rest.starts_with(':')) {
                self.enter(Name { is_in_text: true, ..Name::of(vec![name]) }, line);
            }
        }
    }

    /// Reads a path in the text of an attribute of serde.
    fn in_serde(&mut self, text: &LitStr) {
        if let Ok(path) = text.parse_with(syn::Path::parse_mod_style) {
            let path = crate::uses::parts(&path);
            let is_of_crate = path.len() > 1;
            let line = line(text.span());
            self.enter(Name { is_in_text: !is_of_crate, ..Name::of(path) }, line);
        }
    }
}

/// Whether a `|` begins a closure, by what is before it.
fn opens_closure(before: Option<&TokenTree>) -> bool {
    match before {
        None => true,
        Some(TokenTree::Punct(punct)) => punct.as_char() != '|',
        Some(TokenTree::Ident(word)) => *word == "move" || *word == "return" || *word == "else",
        Some(TokenTree::Group(_) | TokenTree::Literal(_)) => false,
    }
}

fn is_serde_key(trees: &[TokenTree], at: usize) -> bool {
    let key = at.checked_sub(2).and_then(|at| word(trees.get(at)));
    key.is_some_and(|key| SERDE.contains(&key.as_str()))
}

fn first_word(stream: TokenStream) -> String {
    word(stream.into_iter().next().as_ref()).unwrap_or_default()
}

fn word(tree: Option<&TokenTree>) -> Option<String> {
    match tree {
        Some(TokenTree::Ident(word)) => {
            let word = word.to_string();
            Some(word.strip_prefix("r#").map_or(word.clone(), str::to_owned))
        }
        _ => None,
    }
}

fn is_char(tree: Option<&TokenTree>, character: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

/// Whether `::` is at this position.
fn is_path(trees: &[TokenTree], at: usize) -> bool {
    let joint = matches!(
        trees.get(at),
        Some(TokenTree::Punct(punct)) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint
    );
    joint && is_char(trees.get(at + 1), ':')
}

#[cfg(test)]
mod tests {
    //! What is a name in a body, and what is none.

    use super::*;

    fn paths(body: &str) -> Vec<String> {
        let names = scan(body.parse().expect("it is Rust"));
        names.paths.into_keys().map(|name| name.path.join("::")).collect()
    }

    #[test]
    fn paths_are_read_wherever_they_are() {
        for body in [
            "a::b()",
            "let x: a::b = 1;",
            "x.y(a::b)",
            "doc! { \"x\": a::b }",
            "if a::b { }",
            "(0..1).map(a::b)",
            "<a::b as T>::new()",
            "a::b!(1)",
            "for x in a::b {}",
            "|x| a::b",
            "x..a::b",
            "#[serde(with = \"a::b\")] struct S;",
        ] {
            assert!(paths(body).contains(&"a::b".to_owned()), "{body}: {:?}", paths(body));
        }
        assert!(paths("let x = ::a::b();").contains(&"::a::b".to_owned()));
        assert!(paths("format!(\"{LIMIT} and {x:?}\")").contains(&"LIMIT".to_owned()));
        assert!(paths("f(x) | LIMIT").contains(&"LIMIT".to_owned()), "an operator, no closure");
        assert!(paths("0..LIMIT").contains(&"LIMIT".to_owned()), "a range, no field");
    }

    #[test]
    fn fields_variables_and_words_are_no_names() {
        for body in [
            "x.name",
            "x.name()",
            "S { name: 1 }",
            "let name = 1; f(name)",
            "|name| name + 1",
            "for name in x { g(name) }",
            "let mut name = 1; name += 1;",
            "// name\n\"name\"",
            "f::<'name>()",
            "<T>::name()",
        ] {
            let found = paths(body);
            assert!(!found.iter().any(|path| path == "name"), "{body}: {found:?}");
        }
        let found = paths("let round = round(7); round");
        assert_eq!(found, ["round"], "the call is of the function");
        assert_eq!(paths("|x| LIMIT"), ["LIMIT", "x"][..1], "after a closure's parameters");
    }

    #[test]
    fn imports_within_a_body_are_its_own() {
        let names = scan("use a::{b as c, d::*}; use e as _; c()".parse().expect("it is Rust"));
        assert_eq!(names.imports.get("c").expect("it is read"), &["a", "b"]);
        assert_eq!(names.globs, [(vec!["a".to_owned(), "d".to_owned()], 1)]);
    }
}
