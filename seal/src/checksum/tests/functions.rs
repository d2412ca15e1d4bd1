//! The functions of the corpus, and their checksums.

use quote::ToTokens as _;
use syn::{FnArg, Item, ItemFn};

use super::agreement;
use crate::checksum;

/// The sources on which the promises are tested.
pub(super) const CORPUS: [&str; 4] = [
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

pub(super) fn corpus() -> Vec<ItemFn> {
    CORPUS.into_iter().flat_map(parsed).collect()
}

pub(super) fn checksum(function: &ItemFn) -> String {
    let kind = match function.sig.inputs.first() {
        Some(FnArg::Typed(parameter))
            if parameter.ty.to_token_stream().to_string().contains("Online") =>
        {
            "Online"
        }
        _ => "Transaction",
    };
    agreement::compare(kind, function);
    checksum::of(kind, function.clone())
}

/// Returns name and checksum of every function in a source.
pub(super) fn checksums(source: &str) -> Vec<(String, String)> {
    parsed(source).iter().map(|each| (each.sig.ident.to_string(), checksum(each))).collect()
}
