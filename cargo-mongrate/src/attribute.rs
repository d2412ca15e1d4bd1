//! What the attribute would say of each function: the same passes, so that the words are
//! the same.

use mongrate_seal::sources::Sources;
use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::Meta;

use crate::state::shown;
use mongrate_seal::declaration::Checked;
use mongrate_seal::declaration::Raw;

/// Every mistake in a declaration, with its place.
pub(crate) fn mistakes(sources: &Sources) -> Vec<String> {
    let mut mistakes = Vec::new();
    for one in &sources.annotated {
        let arguments = match &one.attribute.meta {
            Meta::List(list) => list.tokens.clone(),
            _ => TokenStream::new(),
        };
        let raw = Raw::new(arguments, one.function.to_token_stream());
        let Err(errors) = raw.and_then(Checked::try_from) else { continue };
        for error in errors {
            // What concerns the attribute as a whole has no place of its own.
            let line = match error.span().byte_range().is_empty() {
                true => one.attribute.pound_token.span.start().line,
                false => error.span().start().line,
            };
            mistakes.push(format!("{}:{line}: {error}", shown(&one.file)));
        }
    }
    mistakes
}
