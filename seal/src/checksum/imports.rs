//! Imports: formatters sort, group and split `use`, `extern crate` and `mod x;` freely.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{Ident, Item, ItemUse, Stmt, UseTree};

use super::encode::Bytes;

/// Replaces every run of neighbouring imports by the sorted set of the names that the run imports.
pub(super) fn sort(statements: &mut Vec<Stmt>) {
    let mut settled = Vec::with_capacity(statements.len());
    let mut run = Vec::new();
    for statement in statements.drain(..) {
        match statement {
            Stmt::Item(Item::Use(item)) => names(&item, &mut run),
            Stmt::Item(Item::ExternCrate(item)) => run.push(item.into_token_stream()),
            Stmt::Item(Item::Mod(item)) if item.content.is_none() => {
                run.push(item.into_token_stream());
            }
            other => {
                finish(&mut run, &mut settled);
                settled.push(other);
            }
        }
    }
    finish(&mut run, &mut settled);
    *statements = settled;
}

/// Does the same for the items of a module.
pub(super) fn sort_items(items: &mut Vec<Item>) {
    let mut statements = items.drain(..).map(Stmt::Item).collect();
    sort(&mut statements);
    items.extend(statements.into_iter().filter_map(|statement| match statement {
        Stmt::Item(item) => Some(item),
        _ => None,
    }));
}

fn finish(run: &mut Vec<TokenStream>, settled: &mut Vec<Stmt>) {
    run.sort_by_cached_key(key);
    run.dedup_by_key(|tokens| key(tokens));
    settled.extend(run.drain(..).map(|tokens| Stmt::Item(Item::Verbatim(tokens))));
}

fn key(tokens: &TokenStream) -> Vec<u8> {
    let mut bytes = Bytes::new("import");
    bytes.tokens(tokens.clone());
    bytes.finish()
}

/// Writes one `use` for each name.
fn names(item: &ItemUse, names: &mut Vec<TokenStream>) {
    let ItemUse { attrs, vis, leading_colon, tree, .. } = item;
    let mut leaves = Vec::new();
    descend(&[], tree, &mut leaves);
    names.extend(leaves.into_iter().map(|leaf| quote!(#(#attrs)* #vis use #leading_colon #leaf;)));
}

fn descend(above: &[&Ident], tree: &UseTree, leaves: &mut Vec<TokenStream>) {
    match tree {
        UseTree::Path(path) => {
            let above: Vec<_> = above.iter().copied().chain([&path.ident]).collect();
            descend(&above, &path.tree, leaves);
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                descend(above, tree, leaves);
            }
        }
        UseTree::Name(name) => {
            let name = &name.ident;
            leaves.push(quote!(#(#above::)* #name));
        }
        UseTree::Rename(rename) => match (above, &rename.ident, &rename.rename) {
            // `a::{self as b}` is `a as b`.
            ([above @ .., last], ident, rename) if ident == "self" => {
                leaves.push(quote!(#(#above::)* #last as #rename));
            }
            (_, ident, rename) if ident == rename => leaves.push(quote!(#(#above::)* #ident)),
            (_, ident, rename) => leaves.push(quote!(#(#above::)* #ident as #rename)),
        },
        UseTree::Glob(_) => leaves.push(quote!(#(#above::)* *)),
    }
}
