//! `#[derive(Model)]`: reads serde's attributes and ours, judges them, and expands the shape.

mod attributes;
mod check;
mod compare;
mod expand;
mod fields;
mod index;
mod known;
mod node;
mod read;
mod rename;
mod serde;
mod snapshot;
mod values;

use mongrate_seal::declaration::Broken;
use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::{origin::Origin, root};

/// Returns the code for a type.
pub(crate) fn derive(input: TokenStream) -> syn::Result<TokenStream> {
    let input: DeriveInput = syn::parse2(input)?;
    let mut broken = Broken::default();
    let checked = read::read(input, &mut broken);
    broken.into_result()?;
    let Some(checked) = checked else { return Ok(TokenStream::new()) };
    let root = root::tokens(checked.own.krate.as_ref())?;
    let origin = Origin::of_this_crate();
    let is_compared = check::is_compared(&checked, &origin);
    let mut stale = Broken::default();
    let checks = match is_compared {
        true => check::checks(&checked, &root, &origin, &mut stale),
        false => check::Checks::default(),
    };
    let package = if is_compared { origin.package.as_str() } else { "" };
    let mut expanded = expand::expand(&checked, &root, package, &checks.inside);
    expanded.extend(checks.beside);
    // The type is a model all the same: one mistake, one error.
    expanded.extend(stale.into_result().err().map(syn::Error::into_compile_error));
    Ok(expanded)
}
