//! The package's `mongrate.toml`: judged at the crate's first migration, and handed to the runtime as
//! lines, so that the runtime needs no TOML.

use std::{
    collections::BTreeSet,
    fs,
    io::ErrorKind,
    sync::{Mutex, PoisonError},
};

use mongrate_seal::policies::{self, FILE, read};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Error;

use crate::{editor::is_editor, origin::Origin, place::Place, sealed};

/// The crates whose file was read: one process may expand several crates.
static READ: Mutex<BTreeSet<Origin>> = Mutex::new(BTreeSet::new());

/// Returns the tokens to add after the crate's first migration. An editor's server, which lives long,
/// reads the file each time, and registers nothing.
pub(crate) fn check(
    place: &Place,
    origin: &Origin,
    root: &str,
) -> syn::Result<Option<TokenStream>> {
    if origin.directory.as_os_str().is_empty() || sealed::is_aside(place, &origin.directory) {
        return Ok(None);
    }
    let is_first = READ.lock().unwrap_or_else(PoisonError::into_inner).insert(origin.clone());
    let is_editor = is_editor();
    if !is_first && !is_editor {
        return Ok(None);
    }
    let path = origin.directory.join(FILE);
    let refuse = |text: String| Error::new(Span::call_site(), text);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        // The compiler cannot watch for a file that does not exist; the app looks when it starts.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(path.to_str().filter(|_| !is_editor).map(|path| absent(path, root)));
        }
        Err(error) => return Err(refuse(format!("cannot read {}: {error}", path.display()))),
    };
    let rules = read::read(&text).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        refuse(faults.join("\n"))
    })?;
    let lines = policies::lines(&rules);
    Ok(path.to_str().filter(|_| !is_editor).map(|path| linked(path, &lines, root)))
}

/// Because the text is included, the compiler compiles again when only the file changes.
fn linked(path: &str, lines: &str, root: &str) -> TokenStream {
    let included = quote!(
        const _: &str = ::core::include_str!(#path);
    );
    registered(&included, lines, &quote!(::core::option::Option::None), root)
}

/// Only in builds with debug assertions, such as those of `cargo run` and `cargo test`: other binaries
/// should not name the directory of their build.
fn absent(path: &str, root: &str) -> TokenStream {
    let registered =
        registered(&TokenStream::new(), "", &quote!(::core::option::Option::Some(#path)), root);
    quote!(#[cfg(debug_assertions)] #registered)
}

fn registered(
    included: &TokenStream,
    lines: &str,
    absent: &TokenStream,
    root: &str,
) -> TokenStream {
    let root: TokenStream = root.parse().unwrap_or_default();
    quote! {
        const _: () = {
            use #root::__private::v1 as __mongrate;

            #included
            #[__mongrate::linkme::distributed_slice(__mongrate::POLICY_FILES)]
            #[linkme(crate = __mongrate::linkme)]
            static __MONGRATE_POLICIES: __mongrate::PolicyFile = __mongrate::PolicyFile {
                crate_name: ::core::env!("CARGO_PKG_NAME"),
                lines: #lines,
                absent: #absent,
            };
        };
    }
}
