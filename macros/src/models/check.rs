//! What the derive adds for `models.snap`: the compiler's check of one model, and once per crate the file
//! itself and a test.

use std::env;

use mongrate_seal::{declaration::Broken, models::Shape};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;

use super::{compare, expand, read::Checked, snapshot};
use crate::{editor::is_editor, origin::Origin, place::Place, sealed};

/// While it is set, models need not be as in `models.snap`: then `cargo mongrate diff` compiles the crate,
/// to ask it for its models.
const LIFTED: &str = "MONGRATE_MODELS";

/// What to add to the expansion.
#[derive(Default)]
pub(super) struct Checks {
    /// Inside of the block of the type.
    pub(super) inside: TokenStream,
    /// Beside the type.
    pub(super) beside: TokenStream,
}

/// Compares a model that [`is_compared`] with the snapshot of its package.
pub(super) fn checks(
    checked: &Checked,
    root: &TokenStream,
    origin: &Origin,
    broken: &mut Broken,
) -> Checks {
    let read = snapshot::read(origin);
    let is_editor = is_editor();
    let is_first = snapshot::is_first(origin);
    let mut checks = Checks::default();
    if is_first && !is_editor {
        let path = snapshot::path(origin);
        let path = path.to_str().filter(|_| read.is_some());
        checks.beside = once(path, root);
    }
    if env::var_os(LIFTED).is_some() {
        return checks;
    }
    let snapshot = match read {
        None => return checks,
        Some(Err(text)) => {
            if is_first || is_editor {
                broken.add(compare::unreadable(&text));
            }
            return checks;
        }
        Some(Ok(snapshot)) => snapshot,
    };
    let name = expand::model_name(checked);
    let mut own = Broken::default();
    let shape = compare::compare(checked, &snapshot, &name, &mut own);
    if own.is_empty() {
        checks.inside = shape.map(|shape| agreement(checked, shape)).unwrap_or_default();
    } else if let Err(error) = own.into_result() {
        broken.add(error);
    }
    checks
}

/// Whether a type is compared: if it has a collection, but not in tests, benches and examples, nor if it says so.
pub(super) fn is_compared(checked: &Checked, origin: &Origin) -> bool {
    let place = Place::of(checked.input.ident.span());
    checked.own.collection.is_some()
        && !checked.own.is_unchecked
        && !origin.directory.as_os_str().is_empty()
        && !sealed::is_aside(&place, &origin.directory)
}

/// The compiler's comparison: by one number, and if it differs, field by field.
fn agreement(checked: &Checked, shape: &Shape) -> TokenStream {
    let itself = checked.itself();
    let (hash, listing) = (shape.hash(), shape.listing());
    let ident = &checked.input.ident;
    let name = ident.unraw().to_string();
    quote_spanned! {ident.span()=>
        const _: () =
            __mongrate::agree(<#itself as __mongrate::Shaped>::SHAPE, #hash, #listing, #name);
    }
}

/// What a crate has once: its file for the registry, which also makes the compiler watch the file, and a
/// test.
fn once(path: Option<&str>, root: &TokenStream) -> TokenStream {
    let (text, file) = match path {
        None => (quote!(::core::option::Option::None), quote!()),
        Some(path) => {
            let file = quote! {
                const _: () = {
                    use #root::__private::v1::shape as __mongrate;
                    #[__mongrate::linkme::distributed_slice(__mongrate::SNAPSHOTS)]
                    #[linkme(crate = __mongrate::linkme)]
                    static __SNAPSHOT: __mongrate::SnapshotFile = __mongrate::SnapshotFile {
                        package: ::core::env!("CARGO_PKG_NAME"),
                        text: ::core::include_str!(#path),
                    };
                };
            };
            (quote!(::core::option::Option::Some(::core::include_str!(#path))), file)
        }
    };
    quote! {
        // Cargo compiles the crate again when the variable comes or goes.
        const _: bool = ::core::option_env!(#LIFTED).is_some();
        #file
        #[cfg(test)]
        #[test]
        #[allow(unnameable_test_items)]
        fn __mongrate_models() {
            #root::__private::v1::shape::models(
                ::core::env!("CARGO_PKG_NAME"),
                ::core::env!("CARGO_CRATE_NAME"),
                #text,
                ::core::env!("CARGO_MANIFEST_DIR"),
            );
        }
    }
}
