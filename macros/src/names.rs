//! Names that clash if two migrations have the same version, where no process sees all migrations:
//! the compiler or the linker then shows both places.
//!
//! Each name is a sentence, because the name is all that the reader sees. It is also a plain
//! identifier: the linker scripts that rustc writes for shared libraries take no spaces or colons.

use mongrate_seal::declaration::{Checked, GROUP_DEFAULT};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

/// Returns a macro whose name clashes within one crate, for an editor's server, where the crate's
/// table is off. All exported macros are at the crate's root, wherever they are written, so two
/// macros of the same name are E0428 at both versions.
pub(crate) fn in_crate(checked: &Checked) -> TokenStream {
    let here = Span::call_site().located_at(checked.version.span);
    let name = Ident::new(&format!("__{}", in_binary(checked)), here);
    quote_spanned! {here=>
        #[doc(hidden)]
        #[allow(non_local_definitions)]
        #[macro_export]
        macro_rules! #name { () => {}; }
    }
}

/// Returns a symbol that clashes within one binary, across crates, at link time. Thin LTO does not
/// notice the clash.
pub(crate) fn in_binary(checked: &Checked) -> String {
    let of_group = match checked.group.as_str() {
        GROUP_DEFAULT => String::new(),
        group => format!("_of_group_{group}"),
    };
    match checked.repeatable {
        false => {
            let version = checked.version.number;
            format!("mongrate_migration_version_{version}{of_group}_is_declared_twice")
        }
        true => {
            let name = &checked.name.text;
            format!("mongrate_repeatable_migration_{name}{of_group}_is_declared_twice")
        }
    }
}
