//! `verify!(…)`: what is written in it, and the test that it becomes.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, LitStr, Path, Token, bracketed};

use crate::sealed;

const FORM: &str = "write `verify!()`, `verify!(reversible)`, or \
                    `verify!(reversible, except = [load_countries])`";

/// What must hold beyond soundness.
#[derive(Debug, PartialEq, Eq)]
enum Policy {
    None,
    /// Every migration has a rollback, but these: `name`, or `group::name`.
    Reversible(Vec<String>),
}

/// The test.
pub(crate) fn expand(input: TokenStream) -> syn::Result<TokenStream> {
    let policy = match syn::parse2(input)? {
        Policy::None => quote!(::core::option::Option::None),
        Policy::Reversible(except) => quote!(::core::option::Option::Some(&[#(#except),*])),
    };
    let own = sealed::own();
    Ok(quote! {
        #[test]
        fn the_linked_migrations_are_sound() {
            use ::mongrate::__private::v1 as __mongrate;
            __mongrate::verify(#own, #policy);
        }
    })
}

impl Parse for Policy {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.is_empty() {
            return Ok(Self::None);
        }
        word(input, "reversible")?;
        let mut except = Vec::new();
        if input.peek(Token![,]) && !input.peek2(syn::parse::End) {
            input.parse::<Token![,]>()?;
            word(input, "except")?;
            if !input.peek(Token![=]) {
                return Err(Error::new(input.span(), FORM));
            }
            input.parse::<Token![=]>()?;
            let list;
            bracketed!(list in input);
            for one in Punctuated::<Name, Token![,]>::parse_terminated(&list)? {
                if except.contains(&one.text) {
                    let text = format!("`{}` is excepted twice; remove one of them", one.text);
                    return Err(Error::new(one.span, text));
                }
                except.push(one.text);
            }
        }
        if input.peek(Token![,]) {
            input.parse::<Token![,]>()?;
        }
        if input.is_empty() { Ok(Self::Reversible(except)) } else { Err(input.error(FORM)) }
    }
}

fn word(input: ParseStream<'_>, expected: &str) -> syn::Result<()> {
    let span = input.span();
    match input.call(Ident::parse_any) {
        Ok(ident) if ident == expected => Ok(()),
        _ => Err(Error::new(span, FORM)),
    }
}

/// `name`, `group::name`, or either as a text, where it is no identifier.
struct Name {
    text: String,
    span: proc_macro2::Span,
}

impl Parse for Name {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let span = input.span();
        if input.peek(LitStr) {
            return Ok(Self { text: input.parse::<LitStr>()?.value(), span });
        }
        let path = input.call(Path::parse_mod_style).map_err(|error| {
            Error::new(error.span(), "an exception is a migration's name, or `group::name`")
        })?;
        let parts: Vec<String> =
            path.segments.iter().map(|part| part.ident.unraw().to_string()).collect();
        Ok(Self { text: parts.join("::"), span })
    }
}

#[cfg(test)]
mod tests {
    //! What is taken, and what is not.

    use super::*;

    fn policy(text: &str) -> Result<Policy, String> {
        syn::parse_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn policies_are_read() {
        let except = |names: &[&str]| {
            Ok(Policy::Reversible(names.iter().map(|name| (*name).to_owned()).collect()))
        };
        assert_eq!(policy(""), Ok(Policy::None));
        assert_eq!(policy("reversible"), except(&[]));
        assert_eq!(policy("reversible,"), except(&[]));
        assert_eq!(policy("reversible, except = []"), except(&[]));
        assert_eq!(
            policy("reversible, except = [a, audit::b, \"2fa\", r#type],"),
            except(&["a", "audit::b", "2fa", "type"])
        );
    }

    #[test]
    fn anything_else_says_how_it_is_written() {
        for text in ["irreversible", "reversible except", "1", "reversible, except[a]"] {
            assert_eq!(policy(text), Err(FORM.to_owned()), "{text}");
        }
        assert!(policy("reversible, except = [a, a]").unwrap_err().contains("excepted twice"));
        assert!(policy("reversible, except = [1]").unwrap_err().contains("`group::name`"));
    }
}
