//! The errors that the attribute would report for each function. The passes are the attribute's
//! own, so the messages are the same.

use mongrate_seal::{
    declaration::{Checked, Raw},
    sources::Sources,
};
use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::Meta;

use crate::places::shown;

/// Every mistake in a declaration, with its file and line.
pub(crate) fn mistakes(sources: &Sources) -> Vec<String> {
    let mut mistakes = Vec::new();
    for annotated in &sources.annotated {
        let arguments = match &annotated.attribute.meta {
            Meta::List(list) => list.tokens.clone(),
            _ => TokenStream::new(),
        };
        let raw = Raw::new(arguments, annotated.function.to_token_stream());
        let Err(errors) = raw.and_then(Checked::try_from) else { continue };
        for error in errors {
            // An error of the attribute as a whole has no span of its own.
            let line = match error.span().byte_range().is_empty() {
                true => annotated.attribute.pound_token.span.start().line,
                false => error.span().start().line,
            };
            mistakes.push(format!("{}:{line}: {error}", shown(&annotated.file)));
        }
    }
    mistakes
}
