//! Names that clash where no one process sees every migration: the compiler, or the linker,
//! shows both places.
//!
//! The names are sentences, for they are all that the reader gets. They are plain identifiers as
//! well: the linker scripts that rustc writes for shared libraries take no spaces or colons.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

use mongrate_seal::declaration::{GROUP_DEFAULT, Version};

/// Clashes in one crate, where an editor's server expands it and [`crate::crate_table`] is off. All
/// exported macros live at the crate's root, wherever they are written, so two of one name are
/// E0428 at both versions.
pub(crate) fn in_crate(group: &str, version: Version) -> TokenStream {
    let here = Span::call_site().located_at(version.span);
    let name = Ident::new(&format!("__{}", sentence(group, version)), here);
    quote_spanned! {here=>
        #[doc(hidden)]
        #[allow(non_local_definitions)]
        #[macro_export]
        macro_rules! #name { () => {}; }
    }
}

/// Clashes in one binary, across crates, at link time. Thin LTO lets it through.
pub(crate) fn in_binary(group: &str, version: Version) -> String {
    sentence(group, version)
}

fn sentence(group: &str, version: Version) -> String {
    let version = version.number;
    if group == GROUP_DEFAULT {
        format!("mongrate_migration_version_{version}_is_declared_twice")
    } else {
        format!("mongrate_migration_version_{version}_of_group_{group}_is_declared_twice")
    }
}
