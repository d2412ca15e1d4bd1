//! The two promises of the checksum, on a corpus: layout never shows, meaning always does.

mod layout;
mod meaning;
mod pairs;
mod plain;
mod sealed;

use quote::ToTokens as _;
use syn::{FnArg, Item, ItemFn};

/// Everything that the promises are tried on.
const CORPUS: [&str; 4] = [
    include_str!("corpus/control.rs"),
    include_str!("corpus/data.rs"),
    include_str!("corpus/items.rs"),
    include_str!("corpus/online.rs"),
];

fn parsed(source: &str) -> Vec<ItemFn> {
    let file = syn::parse_file(source).expect("the corpus parses");
    file.items
        .into_iter()
        .filter_map(|item| match item {
            Item::Fn(function) => Some(function),
            _ => None,
        })
        .collect()
}

fn corpus() -> Vec<ItemFn> {
    CORPUS.into_iter().flat_map(parsed).collect()
}

fn checksum(function: &ItemFn) -> String {
    let kind = match function.sig.inputs.first() {
        Some(FnArg::Typed(parameter))
            if parameter.ty.to_token_stream().to_string().contains("Online") =>
        {
            "Online"
        }
        _ => "Transaction",
    };
    plain::compare(kind, function);
    super::of(kind, function.clone())
}

/// Name and checksum of every function in a source.
fn checksums(source: &str) -> Vec<(String, String)> {
    parsed(source).iter().map(|each| (each.sig.ident.to_string(), checksum(each))).collect()
}

#[test]
fn the_corpus_is_large_enough_and_all_different() {
    let mut all: Vec<_> = corpus().iter().map(checksum).collect();
    let count = all.len();
    assert!(count >= 40, "{count}");
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count, "two functions of the corpus share a checksum");
}
