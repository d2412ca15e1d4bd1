//! `#[mongrate::test]`: reads and checks the arguments and the function, and writes the test.

use std::path::Path;

use mongrate_seal::declaration::{self, Broken, is_label};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{
    Error, FnArg, Ident, ItemFn, Lit, LitInt, LitStr, Token,
    ext::IdentExt as _,
    parenthesized,
    parse::{Parse, ParseStream, Parser as _},
    punctuated::Punctuated,
};

use crate::root;

const KEYS: &str = "`at = 20250122002`, `group = \"…\"`, `fixtures(\"…\", …)` and `crate = \"…\"`";
const PARAMETER: &str =
    "a test takes its database and nothing else: `async fn name(db: mongrate::testing::Database)`";

/// Returns the test.
pub(crate) fn expand(
    arguments: TokenStream,
    item: TokenStream,
    package: &Path,
) -> syn::Result<TokenStream> {
    let mut broken = Broken::default();
    let arguments =
        broken.keep(Punctuated::<Argument, Token![,]>::parse_terminated.parse2(arguments));
    let function: ItemFn = syn::parse2(item).map_err(|_| {
        Error::new(Span::call_site(), "`#[mongrate::test]` goes on a function: `async fn`")
    })?;
    judge(&function, &mut broken);
    let settings = Settings::new(arguments.into_iter().flatten(), package, &mut broken);
    broken.into_result()?;
    let root = root::tokens(settings.krate.as_ref())?;
    Ok(write(&function, &settings, &root))
}

/// One argument.
enum Argument {
    At(Ident, LitInt),
    Group(Ident, LitStr),
    Fixtures(Ident, Vec<LitStr>),
    Crate(Ident, syn::Path),
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = input.call(Ident::parse_any)?;
        let needs = |text: &str| Error::new(key.span(), text);
        match key.to_string().as_str() {
            "at" => {
                input.parse::<Token![=]>().map_err(|_| {
                    needs(
                        "`at` needs a version: `at = 20250122002`; 0 is before the first migration",
                    )
                })?;
                match input.parse::<Lit>() {
                    Ok(Lit::Int(version)) => Ok(Self::At(key, version)),
                    Ok(other) => Err(Error::new(
                        other.span(),
                        "`at` is a whole number without quotes: `at = 20250122002`; 0 is before the first migration",
                    )),
                    Err(_) => Err(input.error(
                        "`at` is a literal whole number, as in `at = 20250122002`: the attribute \
                         cannot see the value of a constant",
                    )),
                }
            }
            "group" => {
                input
                    .parse::<Token![=]>()
                    .map_err(|_| needs("`group` needs a value: `group = \"…\"`"))?;
                let value = input
                    .parse::<LitStr>()
                    .map_err(|error| Error::new(error.span(), "`group` is a string literal"))?;
                Ok(Self::Group(key, value))
            }
            "fixtures" => {
                if !input.peek(syn::token::Paren) {
                    return Err(needs(
                        "`fixtures` takes the names of files: `fixtures(\"users\")` loads \
                         `fixtures/users.json` into the collection `users`",
                    ));
                }
                let list;
                parenthesized!(list in input);
                let names =
                    Punctuated::<LitStr, Token![,]>::parse_terminated(&list).map_err(|error| {
                        Error::new(error.span(), "a fixture's name is a string literal")
                    })?;
                Ok(Self::Fixtures(key, names.into_iter().collect()))
            }
            "crate" => {
                input.parse::<Token![=]>().map_err(|_| {
                    needs("`crate` needs a value: `crate = \"my_crate::mongrate\"`")
                })?;
                Ok(Self::Crate(key, declaration::krate(&input.parse::<syn::Expr>()?)?))
            }
            other => {
                let meant = match other {
                    "version" | "to" | "until" | "migrations" => "; did you mean `at`?".to_owned(),
                    "fixture" | "data" | "seed" => "; did you mean `fixtures`?".to_owned(),
                    _ => format!("; `#[mongrate::test]` takes {KEYS}"),
                };
                Err(needs(&format!("unknown argument `{other}`{meant}")))
            }
        }
    }
}

/// Checks the function.
fn judge(function: &ItemFn, broken: &mut Broken) {
    let signature = &function.sig;
    if signature.asyncness.is_none() {
        broken.add(Error::new_spanned(
            signature.fn_token,
            "a test with a database is async: write `async fn`",
        ));
    }
    if !signature.generics.params.is_empty() {
        broken.add(Error::new_spanned(
            &signature.generics,
            "a test cannot be generic: remove the generic parameters",
        ));
    }
    let mut inputs = signature.inputs.iter();
    match (inputs.next(), inputs.next()) {
        (None, _) => broken.add(Error::new_spanned(&signature.ident, PARAMETER)),
        (Some(_), Some(second)) => broken.add(Error::new_spanned(second, PARAMETER)),
        (Some(FnArg::Receiver(receiver)), None) => {
            broken.add(Error::new_spanned(receiver, PARAMETER));
        }
        (Some(FnArg::Typed(parameter)), None) => {
            if let syn::Type::Reference(reference) = &*parameter.ty {
                broken.add(Error::new_spanned(
                    reference,
                    "a test owns its database: take it by value, `db: Database`",
                ));
            }
        }
    }
    for attribute in &function.attrs {
        if attribute.path().is_ident("test") {
            broken.add(Error::new_spanned(
                attribute,
                "`#[mongrate::test]` makes this a test already: remove `#[test]`",
            ));
        }
    }
}

/// The checked arguments.
struct Settings {
    at: Option<i64>,
    group: Option<String>,
    /// The collection's name and the file's absolute path of each fixture.
    fixtures: Vec<(String, String)>,
    /// The path of `mongrate`, if the attribute gives it.
    krate: Option<syn::Path>,
}

impl Settings {
    fn new(arguments: impl Iterator<Item = Argument>, package: &Path, broken: &mut Broken) -> Self {
        let mut settings = Self { at: None, group: None, fixtures: Vec::new(), krate: None };
        let mut seen: Vec<String> = Vec::new();
        for argument in arguments {
            let (Argument::At(key, _)
            | Argument::Group(key, _)
            | Argument::Fixtures(key, _)
            | Argument::Crate(key, _)) = &argument;
            if seen.iter().any(|seen| key == seen) {
                let text = format!("`{key}` is given twice; remove one of them");
                broken.add(Error::new(key.span(), text));
                continue;
            }
            seen.push(key.to_string());
            match argument {
                Argument::At(_, version) => match version.base10_parse::<i64>() {
                    Ok(number) => settings.at = Some(number),
                    Err(_) => broken.add(Error::new(
                        version.span(),
                        format!("`at` is at most {}, the largest `i64`", i64::MAX),
                    )),
                },
                Argument::Group(_, group) if is_label(&group.value()) => {
                    settings.group = Some(group.value());
                }
                Argument::Group(_, group) => broken
                    .add(Error::new(group.span(), "`group` is 1 to 64 bytes of a-z, 0-9 and `_`")),
                Argument::Crate(_, path) => settings.krate = Some(path),
                Argument::Fixtures(_, names) => {
                    for name in names {
                        if let Some(fixture) = broken.keep(fixture(&name, package)) {
                            settings.fixtures.push(fixture);
                        }
                    }
                }
            }
        }
        settings
    }
}

fn fixture(name: &LitStr, package: &Path) -> syn::Result<(String, String)> {
    let (text, span) = (name.value(), name.span());
    if text.is_empty() || text.contains(['/', '\\']) || text.starts_with('.') {
        let rule = "a fixture is named for its collection, without a directory: `\"users\"` is \
                    `fixtures/users.json`";
        return Err(Error::new(span, rule));
    }
    if let Some(stem) = text.strip_suffix(".json") {
        let rule = format!("a fixture is named without its extension: `\"{stem}\"`");
        return Err(Error::new(span, rule));
    }
    let path = package.join("fixtures").join(format!("{text}.json"));
    match path.to_str().filter(|_| path.is_file()) {
        Some(path) => Ok((text, path.to_owned())),
        None => {
            let rule = format!(
                "the package has no file `fixtures/{text}.json`: create it, or fix the name"
            );
            Err(Error::new(span, rule))
        }
    }
}

fn write(function: &ItemFn, settings: &Settings, root: &TokenStream) -> TokenStream {
    let ItemFn { attrs, vis, sig, block, .. } = function;
    let (name, output) = (&sig.ident, &sig.output);
    let text = name.unraw().to_string();
    let at = option(settings.at);
    let group = option(settings.group.as_deref());
    let fixtures =
        settings.fixtures.iter().map(|(name, path)| quote!((#name, ::core::include_str!(#path))));
    quote! {
        #[::core::prelude::v1::test]
        #(#attrs)*
        #vis fn #name() #output {
            #sig #block
            #root::testing::__private::run(
                #root::testing::__private::Test {
                    name: ::core::concat!(::core::module_path!(), "::", #text),
                    package: ::core::env!("CARGO_MANIFEST_DIR"),
                    at: #at,
                    group: #group,
                    fixtures: &[#(#fixtures),*],
                },
                #name,
            )
        }
    }
}

fn option(value: Option<impl quote::ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
