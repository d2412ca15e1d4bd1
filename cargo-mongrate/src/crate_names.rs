//! The crates that a source file names: the compiler loads only those, and so the linker sees them.
//!
//! The file is read as tokens, so names in comments and strings do not count. A path counts
//! wherever its first segment is the crate's name. Code that is compiled only for tests does not
//! count.

use std::{collections::BTreeSet, ops::Range, str::FromStr as _};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// The crates that a file names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct CrateNames {
    /// The first segments of its paths.
    pub(crate) crates: BTreeSet<String>,
    /// The names of its `mod …;` items that are compiled only for tests, as byte ranges of the
    /// text.
    pub(crate) test_modules: Vec<Range<usize>>,
}

impl CrateNames {
    /// Reads the text of a file. A text that does not parse names nothing: other checks report it.
    pub(crate) fn in_text(text: &str) -> Self {
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        let rest = match rest.starts_with("#!") && !rest.starts_with("#![") {
            true => rest.find('\n').map_or("", |end| &rest[end..]),
            false => rest,
        };
        let mut names = Self::default();
        if let Ok(stream) = TokenStream::from_str(rest) {
            names.walk(stream);
        }
        let skipped = text.len() - rest.len();
        for range in &mut names.test_modules {
            *range = range.start + skipped..range.end + skipped;
        }
        names
    }

    /// Collects names from tokens, and from the groups in them.
    fn walk(&mut self, stream: TokenStream) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            match tree {
                TokenTree::Punct(punct)
                    if punct.as_char() == '#' && is_for_tests(trees.get(at + 1)) =>
                {
                    at = self.skip_item(&trees, at + 2);
                    continue;
                }
                TokenTree::Group(group) => self.walk(group.stream()),
                TokenTree::Ident(word) => {
                    let word = word.to_string();
                    let before = at.checked_sub(1).and_then(|at| trees.get(at));
                    match word.as_str() {
                        "use" if !is_colon(before) => self.use_tree(&trees[at + 1..]),
                        "crate" if is_word(before, "extern") => {
                            self.crates.extend(name(trees.get(at + 1)));
                        }
                        "link" if is_punct(trees.get(at + 1), '!') => {
                            if let Some(TokenTree::Group(list)) = trees.get(at + 2) {
                                self.crates.extend(
                                    list.stream().into_iter().filter_map(|tree| name(Some(&tree))),
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

    /// Collects names from what follows `use`, or stands within its braces.
    fn use_tree(&mut self, trees: &[TokenTree]) {
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
                    self.use_tree(&group.stream().into_iter().collect::<Vec<_>>());
                    is_start = false;
                }
                _ => is_start = false,
            }
        }
    }

    /// Returns the position after the item that begins here.
    fn skip_item(&mut self, trees: &[TokenTree], from: usize) -> usize {
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

/// Whether an attribute is `[cfg(test)]`, or a `cfg` that demands `test` and more.
fn is_for_tests(attribute: Option<&TokenTree>) -> bool {
    let Some(TokenTree::Group(attribute)) = attribute else { return false };
    let text = attribute.stream().to_string().replace(char::is_whitespace, "");
    let Some(condition) = text.strip_prefix("cfg(").and_then(|text| text.strip_suffix(')')) else {
        return false;
    };
    let all = condition.strip_prefix("all(").and_then(|text| text.strip_suffix(')'));
    let all = all.filter(|all| !all.contains("any(") && !all.contains("not("));
    condition == "test" || all.is_some_and(|all| all.split(',').any(|part| part == "test"))
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

/// Whether `::` is at this position.
fn is_path(trees: &[TokenTree], at: usize) -> bool {
    let joint = matches!(
        trees.get(at),
        Some(TokenTree::Punct(punct)) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint
    );
    joint && is_colon(trees.get(at + 1))
}

/// Whether the `::` before this name continues a path: `a::b`, `<T>::b`.
fn continues(trees: &[TokenTree], at: usize) -> bool {
    let Some(colons) = at.checked_sub(2) else { return false };
    // `name: Type` has a single colon, and a path begins after it.
    is_path(trees, colons)
        && match colons.checked_sub(1).and_then(|before| trees.get(before)) {
            Some(TokenTree::Ident(word)) => {
                // A path begins after a keyword: `use ::a`.
                !["use", "return", "in", "as", "mut", "dyn", "impl", "else", "match", "if", "await"]
                    .iter()
                    .any(|keyword| word == keyword)
            }
            // The `>` of `->` and `=>` ends no path.
            Some(TokenTree::Punct(punct)) => {
                let arrow = colons.checked_sub(2).and_then(|at| trees.get(at));
                punct.as_char() == '>' && !is_punct(arrow, '-') && !is_punct(arrow, '=')
            }
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    //! Code that names a crate, and code that does not.

    use super::*;

    fn names(text: &str) -> Vec<String> {
        CrateNames::in_text(text).crates.into_iter().collect()
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
        let found = CrateNames::in_text(text).test_modules;
        assert_eq!(found.iter().map(|range| &text[range.clone()]).collect::<Vec<_>>(), ["tests"]);
    }
}
