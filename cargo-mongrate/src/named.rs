//! Which crates a source file names: those the compiler loads, and so the linker sees.
//!
//! By tokens, so that what stands in comments and texts does not count. A path counts wherever its
//! first segment is the crate's name; what is compiled for tests alone does not.

use std::collections::BTreeSet;
use std::ops::Range;
use std::str::FromStr as _;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// What one file names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// The first segments of its paths.
    pub(crate) crates: BTreeSet<String>,
    /// Where the names of its `mod …;` items stand that are compiled for tests alone, in bytes of
    /// the text.
    pub(crate) test_modules: Vec<Range<usize>>,
}

impl Named {
    /// In a file's text. Nothing of one that cannot be read: other checks say so.
    pub(crate) fn of(text: &str) -> Self {
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        let rest = match rest.starts_with("#!") && !rest.starts_with("#![") {
            true => rest.find('\n').map_or("", |end| &rest[end..]),
            false => rest,
        };
        let mut named = Self::default();
        if let Ok(stream) = TokenStream::from_str(rest) {
            named.walk(stream);
        }
        let skipped = text.len() - rest.len();
        for range in &mut named.test_modules {
            *range = range.start + skipped..range.end + skipped;
        }
        named
    }

    fn walk(&mut self, stream: TokenStream) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            match tree {
                TokenTree::Punct(punct)
                    if punct.as_char() == '#' && is_for_tests(trees.get(at + 1)) =>
                {
                    at = self.skip(&trees, at + 2);
                    continue;
                }
                TokenTree::Group(group) => self.walk(group.stream()),
                TokenTree::Ident(word) => {
                    let word = word.to_string();
                    let before = at.checked_sub(1).and_then(|at| trees.get(at));
                    match word.as_str() {
                        "use" if !is_colon(before) => self.tree(&trees[at + 1..]),
                        "crate" if is_word(before, "extern") => {
                            self.crates.extend(name(trees.get(at + 1)));
                        }
                        "link" if is_punct(trees.get(at + 1), '!') => {
                            if let Some(TokenTree::Group(list)) = trees.get(at + 2) {
                                self.crates.extend(
                                    list.stream().into_iter().filter_map(|it| name(Some(&it))),
                                );
                            }
                        }
                        _ => {
                            let is_first = !is_colon(before) || !continues(&trees, at);
                            if is_path(&trees, at + 1) && is_first {
                                self.crates.extend(name(Some(tree)));
                            }
                        }
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// What stands behind `use`, or within its braces.
    fn tree(&mut self, trees: &[TokenTree]) {
        let mut is_start = true;
        for tree in trees {
            match tree {
                TokenTree::Punct(punct) if punct.as_char() == ';' => break,
                TokenTree::Punct(punct) if punct.as_char() == ',' => is_start = true,
                TokenTree::Punct(punct) if punct.as_char() == ':' => {}
                TokenTree::Ident(_) if is_start => {
                    self.crates.extend(name(Some(tree)));
                    is_start = false;
                }
                TokenTree::Group(group) if is_start && group.delimiter() == Delimiter::Brace => {
                    self.tree(&group.stream().into_iter().collect::<Vec<_>>());
                    is_start = false;
                }
                _ => is_start = false,
            }
        }
    }

    /// Behind the item that begins here.
    fn skip(&mut self, trees: &[TokenTree], from: usize) -> usize {
        for (at, tree) in trees.iter().enumerate().skip(from) {
            match tree {
                TokenTree::Ident(word) if *word == "mod" => {
                    if let Some(TokenTree::Ident(name)) = trees.get(at + 1)
                        && is_punct(trees.get(at + 2), ';')
                    {
                        self.test_modules.push(name.span().byte_range());
                    }
                }
                TokenTree::Punct(punct) if punct.as_char() == ';' => return at + 1,
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return at + 1,
                _ => {}
            }
        }
        trees.len()
    }
}

/// `[cfg(test)]`, or one that wants more than that.
fn is_for_tests(attribute: Option<&TokenTree>) -> bool {
    let Some(TokenTree::Group(attribute)) = attribute else { return false };
    let text = attribute.stream().to_string().replace(char::is_whitespace, "");
    let Some(condition) = text.strip_prefix("cfg(").and_then(|text| text.strip_suffix(')')) else {
        return false;
    };
    let all = condition.strip_prefix("all(").and_then(|text| text.strip_suffix(')'));
    let all = all.filter(|all| !all.contains("any(") && !all.contains("not("));
    condition == "test" || all.is_some_and(|all| all.split(',').any(|one| one == "test"))
}

fn name(tree: Option<&TokenTree>) -> Option<String> {
    match tree {
        Some(TokenTree::Ident(name)) => {
            let name = name.to_string();
            Some(name.strip_prefix("r#").map_or(name.clone(), str::to_owned))
        }
        _ => None,
    }
}

fn is_word(tree: Option<&TokenTree>, word: &str) -> bool {
    matches!(tree, Some(TokenTree::Ident(found)) if *found == word)
}

fn is_punct(tree: Option<&TokenTree>, character: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

fn is_colon(tree: Option<&TokenTree>) -> bool {
    is_punct(tree, ':')
}

/// Whether `::` stands here.
fn is_path(trees: &[TokenTree], at: usize) -> bool {
    let joint = matches!(
        trees.get(at),
        Some(TokenTree::Punct(punct)) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint
    );
    joint && is_colon(trees.get(at + 1))
}

/// Whether the `::` before this name has something before it: `a::b`, `<T>::b`.
fn continues(trees: &[TokenTree], at: usize) -> bool {
    let Some(colons) = at.checked_sub(2) else { return false };
    // `name: Type` has one colon, and what stands behind that begins a path.
    is_path(trees, colons)
        && match colons.checked_sub(1).and_then(|before| trees.get(before)) {
            Some(TokenTree::Ident(word)) => {
                // `use ::a`, `pub ::a` and their like: nothing is before it.
                !["use", "return", "in", "as", "mut", "dyn", "impl", "else", "match", "if", "await"]
                    .iter()
                    .any(|keyword| word == keyword)
            }
            // `->` and `=>` end nothing.
            Some(TokenTree::Punct(punct)) => {
                let arrow = colons.checked_sub(2).and_then(|at| trees.get(at));
                punct.as_char() == '>' && !is_punct(arrow, '-') && !is_punct(arrow, '=')
            }
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    //! What names a crate, and what does not.

    use super::*;

    fn names(text: &str) -> Vec<String> {
        Named::of(text).crates.into_iter().collect()
    }

    #[test]
    fn every_way_to_name_a_crate_counts() {
        for text in [
            "use billing as _;",
            "pub use billing;",
            "use ::billing::x;",
            "use billing::{self, x};",
            "extern crate billing;",
            "fn f() { billing::f(); }",
            "fn f() -> ::billing::T {}",
            "fn f(x: billing::T) {}",
            "match x { _ => ::billing::f() }",
            "fn f() { let x = <billing::T as U>::new(); }",
            "mongrate::link!(users, billing);",
            "some_macro! { a => billing::x }",
            "#[cfg(feature = \"x\")] use billing as _;",
            "#[cfg(not(test))] use billing as _;",
            "#[billing::attribute] fn f() {}",
            "use {users as _, billing as _};",
            "#!/usr/bin/env x\nuse r#billing as _;",
        ] {
            assert!(names(text).contains(&"billing".to_owned()), "{text}: {:?}", names(text));
        }
    }

    #[test]
    fn nothing_else_does() {
        for text in [
            "// use billing as _;\n/* billing::x */ /// billing::x\nfn f() {}",
            "const X: &str = \"billing::x\";",
            "use users::billing;",
            "use users::{a, billing};",
            "fn f() { users::billing::x(); }",
            "fn f() { <T>::billing::x(); }",
            "let billing = 1;",
            "x.billing",
            "#[cfg(test)] use billing as _;\nfn f() {}",
            "#[cfg(test)] mod tests { use billing as _; }",
            "#[cfg(all(test, unix))] mod tests { use billing as _; }",
        ] {
            assert!(!names(text).contains(&"billing".to_owned()), "{text}: {:?}", names(text));
        }
    }

    #[test]
    fn modules_for_tests_are_told() {
        let text = "\u{feff}#[cfg(test)]\nmod tests;\nmod other;";
        let found = Named::of(text).test_modules;
        assert_eq!(found.iter().map(|range| &text[range.clone()]).collect::<Vec<_>>(), ["tests"]);
    }
}
