//! The attribute on a function, and the macros that stand above it.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{
    Attribute, ItemFn, Meta, Token,
    parse::{ParseStream, Parser as _},
    punctuated::Punctuated,
};

use super::{
    arguments::{has_version, kind},
    cfg::implies_test,
    names::{Claim, Names},
};
use crate::{built_in::is_built_in, declaration::Kind};

/// The attribute on a function.
#[derive(Clone)]
pub struct Found {
    /// The index of the function's attribute that it is, or is in.
    pub index: usize,
    /// The attribute itself, even if it is inside a `cfg_attr`.
    pub attribute: Attribute,
    /// Whether it is ours, or resembles ours.
    pub claim: Claim,
}

/// Returns the function's `#[migration]`, if it has one.
pub fn find(function: &ItemFn, names: &Names) -> Option<Found> {
    let has_kind =
        kind(function).is_some_and(|kind| Kind::ALL.iter().any(|known| known.name() == kind));
    let claim = |meta: &Meta| names.claim(meta.path(), has_kind && has_version(meta));
    let mut resembling = None;
    for (index, attribute) in function.attrs.iter().enumerate() {
        for meta in conditional(attribute).unwrap_or_else(|| vec![attribute.meta.clone()]) {
            let claim = claim(&meta);
            let found = || Found { index, attribute: with(attribute, meta.clone()), claim };
            match claim {
                Claim::Ours => return Some(found()),
                Claim::Resembles => resembling = resembling.or_else(|| Some(found())),
                Claim::Foreign => {}
            }
        }
    }
    resembling
}

fn with(attribute: &Attribute, meta: Meta) -> Attribute {
    Attribute { meta, ..attribute.clone() }
}

/// Returns the attributes that a `cfg_attr` adds, none if it is for tests only. `None` for any other
/// attribute.
fn conditional(attribute: &Attribute) -> Option<Vec<Meta>> {
    let Meta::List(list) = &attribute.meta else { return None };
    if !list.path.is_ident("cfg_attr") {
        return None;
    }
    let mut condition = TokenStream::new();
    let added = |input: ParseStream<'_>| {
        while !input.is_empty() && !input.peek(Token![,]) {
            condition.extend([input.parse::<TokenTree>()?]);
        }
        input.parse::<Token![,]>()?;
        Punctuated::<Meta, Token![,]>::parse_terminated(input)
    };
    let added = added.parse2(list.tokens.clone()).ok()?;
    if implies_test(condition) {
        return Some(Vec::new());
    }
    Some(added.into_iter().collect())
}

/// Returns the attributes above the attribute at `index` that may rewrite the function before it is
/// read, as they are written: `#[tracing::instrument]`.
pub fn above(function: &ItemFn, index: usize) -> Vec<String> {
    let mut above = Vec::new();
    for attribute in function.attrs.iter().take(index) {
        let path = |meta: &Meta| meta.path().to_token_stream().to_string().replace(' ', "");
        match conditional(attribute) {
            None if !is_built_in(attribute.path()) => {
                above.push(format!("#[{}]", path(&attribute.meta)));
            }
            Some(added) => above.extend(
                added
                    .iter()
                    .filter(|meta| !is_built_in(meta.path()))
                    .map(|meta| format!("#[cfg_attr(…, {})]", path(meta))),
            ),
            None => {}
        }
    }
    above
}

/// Returns the function without the attribute, which is what the compiler passes to the attribute.
pub fn bare(function: &ItemFn, found: &Found) -> ItemFn {
    let mut bare = function.clone();
    // A `cfg_attr` may hold other attributes; the checksum leaves out the whole `cfg_attr` anyway.
    bare.attrs.remove(found.index);
    bare
}
