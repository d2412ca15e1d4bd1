//! Pass 3. Total: a checked migration always expands.
//!
//! It expands to one call of a macro that the runtime defines: that costs the compiler less than to
//! read everything that the macro writes. The call is written as text: that costs this crate less
//! than to make each token.

use mongrate_seal::{
    declaration::{Checked, Kind, Rollback},
    packed::Unpacked,
};
use proc_macro::{Delimiter, Group, Literal, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{Ident, Path};

use crate::{names, origin::Origin, place::Place};

/// Returns the tokens to add after the function. Only the names of the functions carry the user's
/// hygiene: lints take all other tokens for another crate's code.
///
/// `root` is the path of `mongrate`.
pub(crate) fn expand(checked: &Checked, place: &Place, origin: &Origin, root: &str) -> TokenStream {
    let Checked {
        version,
        name,
        group,
        kind,
        rollback,
        out_of_order,
        repeatable,
        labels,
        after,
        replaces,
        allow,
        uses: _,
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
    let after: Vec<String> = after.iter().map(ToString::to_string).collect();
    let replaces = replaces.map(|replaces| replaces.to_string()).unwrap_or_default();
    let packed = Unpacked {
        version: version.number,
        name: &name.text,
        group,
        checksum,
        crate_name: &origin.package,
        file: &place.file,
        line: u32::try_from(place.line).unwrap_or(0),
        is_reversible: !matches!(rollback, Rollback::None),
        is_out_of_order: *out_of_order,
        is_change: matches!(kind, Kind::Change),
        is_repeatable: *repeatable,
        labels,
        after: &after,
        replaces: &replaces,
        allow,
        writes,
    };
    let mut inside = read(&format!("{} {register}", names::in_binary(checked)));
    inside.extend([TokenTree::Literal(Literal::byte_string(&packed.pack()))]);
    inside.extend([TokenTree::Group(Group::new(Delimiter::Parenthesis, functions.into()))]);
    let mut call = read(&format!("{root}::__migration_v1!"));
    call.extend([TokenTree::Group(Group::new(Delimiter::Brace, inside))]);
    call
}

/// Returns the function and its rollback, with a comma between them.
fn both(function: &Ident, rollback: &Path) -> proc_macro2::TokenStream {
    quote!(#function, #rollback)
}

/// Parses text that this module wrote, and which is therefore valid. The compiler parses it, as
/// `proc_macro2` would parse it once more.
fn read(text: &str) -> TokenStream {
    text.parse().unwrap_or_else(|error| unreachable!("`{text}`: {error}"))
}
