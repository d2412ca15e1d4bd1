//! Pass 3. Total: what is checked always expands. Paths are absolute, names are our own.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Ident;
use syn::ext::IdentExt as _;

use crate::names;
use crate::place::Place;
use crate::validate::{Checked, Kind, Rollback};

/// What to add after the function. Every token carries the attribute's own hygiene, even where it
/// borrows the user's place for an error: to the lints it is another crate's code.
pub(crate) fn expand(
    checked: Checked,
    writes: &[String],
    checksum: &str,
    place: &Place,
) -> TokenStream {
    let Checked { version, name, group, kind, rollback, out_of_order, allow, function } = checked;
    let ident = function.sig.ident.clone();
    let name = name.text;

    let function = ident.unraw().to_string();
    let named = names::in_crate(&group, version);
    let symbol = names::in_binary(&group, version);
    let version = version.number;
    let (file, line) = (&place.file, u32::try_from(place.line).unwrap_or(0));
    let up = match kind {
        Kind::Transaction | Kind::Online => wrapper(&ident, ident.span()),
        Kind::Change => ident.to_token_stream(),
    };
    let down = match (kind, &rollback) {
        (Kind::Change, Rollback::None) => quote!(false),
        (Kind::Change, _) => quote!(true),
        (_, Rollback::Function(path)) => {
            let span = path.segments.last().map_or_else(Span::call_site, |last| last.ident.span());
            let wrapper = wrapper(path, span);
            quote!(::core::option::Option::Some(#wrapper))
        }
        (_, Rollback::None | Rollback::Derived) => quote!(::core::option::Option::None),
    };
    let constructor = Ident::new(
        match kind {
            Kind::Transaction => "transaction",
            Kind::Online => "online",
            Kind::Change => "change",
        },
        Span::call_site(),
    );
    let allowing = (!allow.is_empty()).then(|| quote!(.allowing(&[#(#allow),*])));
    let writing = (kind == Kind::Transaction && !writes.is_empty())
        .then(|| quote!(.writing_many(&[#(#writes),*])));
    quote! {
        #named
        const _: () = {
            use ::mongrate::__private::v1 as __mongrate;
            #symbol

            #[__mongrate::linkme::distributed_slice(__mongrate::MIGRATIONS)]
            #[linkme(crate = __mongrate::linkme)]
            static __MONGRATE_MIGRATION: __mongrate::Migration = __mongrate::Migration::#constructor(
                __mongrate::Descriptor {
                    version: #version,
                    name: #name,
                    group: #group,
                    checksum: #checksum,
                    crate_name: ::core::env!("CARGO_PKG_NAME"),
                    module: ::core::module_path!(),
                    file: #file,
                    line: #line,
                    function: #function,
                    out_of_order: #out_of_order,
                },
                #up,
                #down,
            )#allowing #writing;
        };
    }
}

/// `|context| outcome(function(context))`, placed where the function is named.
fn wrapper(function: &impl ToTokens, span: Span) -> TokenStream {
    let here = Span::call_site().located_at(span);
    quote_spanned!(here=> |context| __mongrate::outcome(#function(context)))
}
