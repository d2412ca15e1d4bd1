//! `verify!(…)`: reads its arguments, and writes the test.

use mongrate_seal::{declaration, models::FILE};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Error, Expr, Ident, LitStr, Path, Token, bracketed,
    ext::IdentExt as _,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

use crate::{origin::Origin, root, sealed};

const FORM: &str = "write `verify!()`, `verify!(reversible)`, or \
                    `verify!(reversible, except = [load_countries])`; each may also say `models`, \
                    and end with `crate = \"my_crate::mongrate\"`";

/// What the test requires besides sound migrations.
#[derive(Debug, PartialEq, Eq)]
enum Policy {
    None,
    /// Every migration except these has a rollback: `name`, or `group::name`.
    Reversible(Vec<String>),
}

/// Returns the test.
pub(crate) fn expand(input: TokenStream) -> syn::Result<TokenStream> {
    let Arguments { policy, models, krate } = syn::parse2(input)?;
    let root = root::tokens(krate.as_ref())?;
    let policy = match policy {
        Policy::None => quote!(::core::option::Option::None),
        Policy::Reversible(except) => quote!(::core::option::Option::Some(&[#(#except),*])),
    };
    let own = sealed::own_sum_file();
    let snapshot = own_snapshot();
    let models = models.then(|| {
        quote! {
            #[test]
            fn the_migrations_lead_to_the_models() {
                #root::testing::__private::verify_models(
                    ::core::concat!(::core::module_path!(), "::the_migrations_lead_to_the_models"),
                    ::core::env!("CARGO_MANIFEST_DIR"),
                );
            }
        }
    });
    Ok(quote! {
        #[test]
        fn the_linked_migrations_are_sound() {
            use #root::__private::v1 as __mongrate;
            __mongrate::verify(#own, #policy);
        }

        #[test]
        fn each_model_that_migrations_lead_to_is_in_the_code() {
            use #root::__private::v1::shape as __mongrate;
            __mongrate::no_model_is_gone(#snapshot, ::core::env!("CARGO_MANIFEST_DIR"));
        }
        #models
    })
}

/// The `models.snap` of this crate's package. No derive registers it if the last model is gone.
fn own_snapshot() -> TokenStream {
    let path = Origin::of_this_crate().directory.join(FILE);
    match path.to_str().filter(|_| path.is_file()) {
        None => quote!(::core::option::Option::None),
        Some(path) => quote! {
            ::core::option::Option::Some(__mongrate::SnapshotFile {
                package: ::core::env!("CARGO_PKG_NAME"),
                text: ::core::include_str!(#path),
            })
        },
    }
}

/// The arguments.
struct Arguments {
    policy: Policy,
    /// Whether the migrations have to lead to the models.
    models: bool,
    /// The path of `mongrate`, if the last argument gives it.
    krate: Option<Path>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut arguments = Self { policy: Policy::None, models: false, krate: None };
        let mut seen: Vec<String> = Vec::new();
        while !input.is_empty() {
            let span = input.span();
            let key = input.call(Ident::parse_any).map_err(|_| Error::new(span, FORM))?.to_string();
            let except = match &mut arguments.policy {
                Policy::Reversible(except) => Some(except),
                Policy::None => None,
            };
            match (key.as_str(), except) {
                _ if seen.contains(&key) || seen.iter().any(|key| key == "crate") => {
                    return Err(Error::new(span, FORM));
                }
                ("reversible", None) => arguments.policy = Policy::Reversible(Vec::new()),
                ("models", _) => arguments.models = true,
                ("except", Some(except)) => *except = self::except(input)?,
                ("crate", _) => {
                    equals(input)?;
                    arguments.krate = Some(declaration::krate(&input.parse::<Expr>()?)?);
                }
                _ => return Err(Error::new(span, FORM)),
            }
            seen.push(key);
            if !input.is_empty() {
                input.parse::<Token![,]>().map_err(|error| Error::new(error.span(), FORM))?;
            }
        }
        Ok(arguments)
    }
}

fn equals(input: ParseStream<'_>) -> syn::Result<()> {
    input.parse::<Token![=]>().map(drop).map_err(|error| Error::new(error.span(), FORM))
}

/// Reads the list after the word `except`.
fn except(input: ParseStream<'_>) -> syn::Result<Vec<String>> {
    equals(input)?;
    let list;
    bracketed!(list in input);
    let mut except = Vec::new();
    for name in Punctuated::<Name, Token![,]>::parse_terminated(&list)? {
        if except.contains(&name.text) {
            let text = format!("`{}` is excepted twice; remove one of them", name.text);
            return Err(Error::new(name.span, text));
        }
        except.push(name.text);
    }
    Ok(except)
}

/// `name` or `group::name`, or either in quotes if it is not an identifier.
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
    //! Which arguments are accepted, and which are not.

    use super::*;

    fn policy(text: &str) -> Result<Policy, String> {
        let read = syn::parse_str::<Arguments>(text);
        read.map(|arguments| arguments.policy).map_err(|error| error.to_string())
    }

    #[test]
    fn the_crate_comes_last() {
        for text in ["", "reversible, ", "reversible, except = [a], "] {
            for end in ["crate = \"my::db\"", "crate = my::db,"] {
                let read: Arguments = syn::parse_str(&format!("{text}{end}")).unwrap();
                let krate = read.krate.unwrap();
                let parts: Vec<_> =
                    krate.segments.iter().map(|part| part.ident.to_string()).collect();
                assert_eq!(parts, ["my", "db"]);
            }
        }
        assert_eq!(policy("crate = \"db\", reversible"), Err(FORM.to_owned()));
        assert!(policy("crate = \"1\"").unwrap_err().starts_with("`crate` takes the path"));
    }

    #[test]
    fn models_stand_anywhere_before_the_crate() {
        let models = |text: &str| syn::parse_str::<Arguments>(text).map(|read| read.models);
        for text in ["models", "models,", "models, reversible", "reversible, models, except = [a]"]
        {
            assert!(models(text).unwrap(), "{text}");
        }
        assert!(models("models, crate = \"db\"").unwrap() && !models("reversible").unwrap());
        for wrong in ["models, models", "models = true", "model"] {
            assert_eq!(policy(wrong), Err(FORM.to_owned()), "{wrong}");
        }
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
