//! Migrations in places where the walk reads none: in a macro's input or definition, in a function's
//! body, in an `impl`. They are found by tokens, as such code may not parse as items.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::{Lit, LitInt, LitStr};

use super::{cfg::implies_test, names::Names};
use crate::group::GROUP_DEFAULT;

/// A `#[migration]`, anywhere in the tokens.
#[derive(Clone, Debug)]
pub struct Mark {
    /// The place of the attribute.
    pub span: Span,
    /// The version, if it is written as a number.
    pub version: Option<i64>,
    /// The group: the default group if none is written, `None` if it is no string.
    pub group: Option<String>,
}

/// Returns every `#[migration]`, at any depth.
pub fn marks(stream: TokenStream, names: &Names) -> Vec<Mark> {
    let mut found = Vec::new();
    walk(stream, names, &mut found);
    found
}

fn walk(stream: TokenStream, names: &Names, found: &mut Vec<Mark>) {
    let mut is_attribute = false;
    for tree in stream {
        match tree {
            TokenTree::Punct(punct) => {
                is_attribute = punct.as_char() == '#' || is_attribute && punct.as_char() == '!';
                continue;
            }
            TokenTree::Group(group) => {
                let is_bracketed = is_attribute && group.delimiter() == Delimiter::Bracket;
                match attribute(group.stream(), names).filter(|_| is_bracketed) {
                    Some((version, group_of)) => {
                        found.push(Mark { span: group.span(), version, group: group_of });
                    }
                    None => walk(group.stream(), names, found),
                }
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => {}
        }
        is_attribute = false;
    }
}

/// Reads the tokens between the brackets of an attribute: version and group, if it is a migration.
pub(crate) fn attribute(
    inside: TokenStream,
    names: &Names,
) -> Option<(Option<i64>, Option<String>)> {
    let mut trees = inside.into_iter();
    let (mut first, mut last) = (None::<String>, None::<String>);
    let mut segments = 0;
    for tree in trees.by_ref() {
        match tree {
            TokenTree::Ident(word) => {
                let word = word.to_string();
                let word = word.strip_prefix("r#").unwrap_or(&word).to_owned();
                segments += 1;
                first.get_or_insert_with(|| word.clone());
                last = Some(word);
            }
            // `::`, and `$crate`.
            TokenTree::Punct(punct) if matches!(punct.as_char(), ':' | '$') => {}
            TokenTree::Group(group) => {
                let (first, last) = (first?, last?);
                if segments == 1 && last == "cfg_attr" {
                    return conditional(group.stream(), names);
                }
                let is_ours = names.is_attribute(&last) && (segments == 1 || names.is_root(&first));
                // A repeatable migration has no version, and is not sealed.
                return is_ours.then(|| arguments(group.stream())).flatten();
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => return None,
        }
    }
    let is_ours = names.is_attribute(&last?) && (segments == 1 || names.is_root(&first?));
    is_ours.then_some((None, None))
}

/// Reads the attributes that a `cfg_attr` adds.
fn conditional(inside: TokenStream, names: &Names) -> Option<(Option<i64>, Option<String>)> {
    let trees: Vec<TokenTree> = inside.into_iter().collect();
    let is_comma =
        |tree: &TokenTree| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ',');
    let mut parts = trees.split(is_comma);
    if implies_test(parts.next()?.iter().cloned().collect()) {
        return None;
    }
    parts.find_map(|part| attribute(part.iter().cloned().collect(), names))
}

/// Reads version and group. `None`: it is repeatable.
fn arguments(inside: TokenStream) -> Option<(Option<i64>, Option<String>)> {
    let trees: Vec<TokenTree> = inside.into_iter().collect();
    let is_repeatable =
        |tree: &TokenTree| matches!(tree, TokenTree::Ident(word) if word == "repeatable");
    if trees.iter().any(is_repeatable) {
        return None;
    }
    let value = |key: &str| {
        trees.windows(3).find_map(|three| match three {
            [TokenTree::Ident(word), TokenTree::Punct(equal), value]
                if word == key && equal.as_char() == '=' =>
            {
                Some(value)
            }
            _ => None,
        })
    };
    let group = match value("group") {
        None => Some(GROUP_DEFAULT.to_owned()),
        Some(value) => syn::parse2::<LitStr>(value.clone().into()).ok().map(|text| text.value()),
    };
    Some((value("version").and_then(number), group))
}

/// Returns the number that a token is, perhaps in an invisible group.
fn number(tree: &TokenTree) -> Option<i64> {
    match tree {
        TokenTree::Literal(literal) => match Lit::new(literal.clone()) {
            Lit::Int(number) => LitInt::base10_parse(&number).ok(),
            _ => None,
        },
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            let mut inside = group.stream().into_iter();
            match (inside.next(), inside.next()) {
                (Some(only), None) => number(&only),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_at_any_depth_and_nothing_else_is() {
        let text = r##"
            macro_rules! step { ($v:literal, $name:ident) => {
                #[mongrate::migration(version = $v)] async fn $name() {}
                #[$crate::migration(version = 7, group = "audit")] async fn x() {}
            } }
            fn run_migration(version: i64) { let migration = [1]; migration(version = 4); }
            // #[migration(version = 5)]
            /// #[migration(version = 6)]
            impl X { #[migration{name = "version = 9", version = 0x8}] fn y() {} }
            #[other::migration(version = 9)] fn z() {}
            #[cfg_attr(feature = "db", migration(version = 10))] fn a() {}
            #[migration(repeatable, group = "audit")] fn b() {}
        "##;
        let found = marks(text.parse().expect("it is Rust"), &Names::default());
        let found: Vec<_> =
            found.iter().map(|mark| (mark.version, mark.group.as_deref())).collect();
        assert_eq!(
            found,
            [
                (None, Some("default")),
                (Some(7), Some("audit")),
                (Some(8), Some("default")),
                (Some(10), Some("default")),
            ]
        );
    }
}
