//! Which `cfg` holds in tests only: a migration below such a `cfg` is not part of the history.

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, Meta};

/// Whether an attribute is a `cfg` that holds in tests only, such as `#[cfg(all(test, unix))]`.
pub fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && implies_test(list.tokens.clone()),
        _ => false,
    })
}

/// Whether a condition holds in tests only.
pub(crate) fn implies_test(condition: TokenStream) -> bool {
    let trees: Vec<TokenTree> = condition.into_iter().collect();
    match trees.as_slice() {
        [TokenTree::Ident(word)] => word == "test",
        // A trailing comma means nothing.
        [TokenTree::Ident(word), TokenTree::Group(group), ..] => {
            let mut parts = conditions(group.stream()).into_iter().peekable();
            match word.to_string().as_str() {
                "all" => parts.any(implies_test),
                "any" => parts.peek().is_some() && parts.all(implies_test),
                _ => false,
            }
        }
        _ => false,
    }
}

fn conditions(list: TokenStream) -> Vec<TokenStream> {
    let trees: Vec<TokenTree> = list.into_iter().collect();
    trees
        .split(|tree| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ','))
        .filter(|part| !part.is_empty())
        .map(|part| part.iter().cloned().collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_hold_elsewhere_is_for_tests() {
        let is = |text: &str| implies_test(text.parse().expect("it is Rust"));
        for text in [
            "test",
            "all(test, unix)",
            "all(feature = \"x\", test,)",
            "any(test)",
            "any(all(test, unix), all(test, windows))",
            "all(any(test, test), not(miri))",
        ] {
            assert!(is(text), "{text}");
        }
        for text in
            ["not(test)", "any(test, feature = \"x\")", "all(unix)", "any()", "feature = \"test\""]
        {
            assert!(!is(text), "{text}");
        }
    }
}
