//! `#[migration]`: turns an async function into a registered migration.
//!
//! Every pass has a type of its own, so that nothing half-checked reaches the next:
//! `parse::Raw` is what was written, `validate::Checked` is what holds for this
//! function alone, and `expand::expand` cannot fail. Between the last two, `crate_table`
//! compares it with its crate's other migrations. `checksum` says what a body means, whatever
//! its layout.

mod broken;
mod checksum;
mod crate_table;
mod expand;
mod names;
mod parse;
mod place;
mod validate;

use proc_macro2::TokenStream;
use quote::quote;

/// Registers an `async fn` as a migration. Documented where it is re-exported: `mongrate::migration`.
#[proc_macro_attribute]
pub fn migration(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    let item = TokenStream::from(item);
    let added = run(arguments.into(), item.clone()).unwrap_or_else(syn::Error::into_compile_error);
    // The item comes back untouched even when it is wrong: one mistake, one error.
    quote!(#item #added).into()
}

/// What to add after the item.
fn run(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let raw = parse::Raw::new(arguments, item)?;
    let checked = validate::Checked::try_from(raw)?;
    let place = place::Place::of(checked.version.span);
    crate_table::enter(&checked, &place)?;
    Ok(expand::expand(checked, &place))
}
