//! Names that clash.
use crate::validate::{GROUP_DEFAULT, Version};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

pub(crate) fn in_crate(group: &str, version: Version) -> TokenStream {
    let here = Span::call_site().located_at(version.span);
    let name = Ident::new(&format!("__mongrate_{group}_{}", version.number), here);
    quote_spanned! {here=>
        #[doc(hidden)]
        #[allow(non_local_definitions)]
        #[macro_export]
        macro_rules! #name { () => {}; }
    }
}

pub(crate) fn in_binary(group: &str, version: Version) -> TokenStream {
    let number = version.number;
    let text = if group == GROUP_DEFAULT {
        format!("mongrate: migration version {number} is declared twice")
    } else {
        format!("mongrate: migration version {number} of group {group} is declared twice")
    };
    quote! {
        #[used]
        #[unsafe(export_name = #text)]
        static __MONGRATE_VERSION: u8 = 0;
    }
}
