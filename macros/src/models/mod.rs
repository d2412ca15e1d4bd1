//! `#[derive(Model)]`: reads serde's attributes and ours, judges them, and expands the shape.

mod attributes;
mod expand;
mod fields;
mod index;
mod node;
mod read;
mod rename;
mod serde;
mod values;

use mongrate_seal::declaration::Broken;
use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::root;

/// Returns the code for a type.
pub(crate) fn derive(input: TokenStream) -> syn::Result<TokenStream> {
    let input: DeriveInput = syn::parse2(input)?;
    let mut broken = Broken::default();
    let checked = read::read(input, &mut broken);
    broken.into_result()?;
    let Some(checked) = checked else { return Ok(TokenStream::new()) };
    let root = root::tokens(checked.own.krate.as_ref())?;
    Ok(expand::expand(&checked, &root, &quote!()))
}
