//! Pass 3. Total: what is checked always expands.
//!
//! It expands to one call of a macro that the runtime defines, which is less for the compiler to
//! do than to read all that the macro writes; and it is text, which is less for this crate to do
//! than to make each token.

use std::fmt::Write as _;

use proc_macro::{Delimiter, Group, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::ext::IdentExt as _;
use syn::{Ident, Path};

use crate::crate_table::Origin;
use crate::names;
use crate::place::Place;
use mongrate_seal::declaration::{Checked, Kind, Rollback};

/// What to add after the function. Only the functions' own names carry the user's hygiene: all
/// else is another crate's code to the lints.
///
/// `root`: the path of `mongrate`.
pub(crate) fn expand(checked: &Checked, place: &Place, origin: &Origin, root: &str) -> TokenStream {
    let Checked {
        version,
        name,
        group,
        kind,
        rollback,
        out_of_order,
        allow,
        krate: _,
        writes,
        function,
        checksum,
    } = checked;
    let (register, functions) = match (kind, rollback) {
        (Kind::Transaction, Rollback::Function(down)) => {
            ("transaction_and_back", both(function, down))
        }
        (Kind::Transaction, _) => ("transaction", function.to_token_stream()),
        (Kind::Online, Rollback::Function(down)) => ("online_and_back", both(function, down)),
        (Kind::Online, _) => ("online", function.to_token_stream()),
        (Kind::Change, Rollback::None) => ("change", function.to_token_stream()),
        (Kind::Change, _) => ("change_and_back", function.to_token_stream()),
    };
    let mut text = names::in_binary(group, *version);
    let (package, file) = (&origin.package, &place.file);
    let _ = write!(
        text,
        " {register} ({}, {:?}, {group:?}, {checksum:?}, {package:?}, {file:?}, {}, {:?}, \
         {out_of_order}) (&{allow:?}, &{writes:?})",
        version.number,
        name.text,
        u32::try_from(place.line).unwrap_or(0),
        function.unraw().to_string(),
    );
    let mut inside = read(&text);
    inside.extend([TokenTree::Group(Group::new(Delimiter::Parenthesis, functions.into()))]);
    let mut call = read(&format!("{root}::__migration_v1!"));
    call.extend([TokenTree::Group(Group::new(Delimiter::Brace, inside))]);
    call
}

/// The function, and the one that rolls it back.
fn both(function: &Ident, rollback: &Path) -> proc_macro2::TokenStream {
    quote!(#function, #rollback)
}

/// Of our own making, so that it can always be read. By the compiler itself: `proc_macro2` would
/// read it first.
fn read(text: &str) -> TokenStream {
    text.parse().unwrap_or_else(|error| unreachable!("`{text}`: {error}"))
}
