//! Which attribute of a function is `#[migration]`, and what it declares: read from the source,
//! leniently, as the attribute itself judges.
//!
//! [`Names`] knows what the attribute is called, [`find`] finds it on a function, [`declared`] reads
//! it, [`readings`] reads all of one source, and [`marks`] finds what stands where neither looks.

mod cfg;
mod marks;
mod names;
mod readings;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, FnArg, ItemFn, Lit, LitInt, LitStr, Meta, Token, Type};

pub(crate) use cfg::implies_test;
pub use cfg::is_for_tests;
pub(crate) use marks::attribute as attribute_tokens;
pub use marks::{Mark, marks};
pub use names::{Claim, Names};
pub use readings::{Reading, body, readings};

use crate::checksum;
use crate::declaration::Kind;

/// The attribute on a function.
#[derive(Clone)]
pub struct Found {
    /// Of the function's attributes, the one that it is, or is in.
    pub index: usize,
    /// Itself, also where it stands inside of a `cfg_attr`.
    pub attribute: Attribute,
    /// Whose it is: ours, or one that resembles ours.
    pub claim: Claim,
}

/// The function's `#[migration]`, if it has one.
pub fn find(function: &ItemFn, names: &Names) -> Option<Found> {
    let has_kind =
        kind(function).is_some_and(|kind| Kind::ALL.iter().any(|one| one.name() == kind));
    let claim = |meta: &Meta| names.claim(meta.path(), has_kind && has_version(meta));
    let mut resembling = None;
    for (index, attribute) in function.attrs.iter().enumerate() {
        for meta in conditional(attribute).unwrap_or_else(|| vec![attribute.meta.clone()]) {
            let claim = claim(&meta);
            let found = || Found { index, attribute: with(attribute, meta.clone()), claim };
            match claim {
                Claim::Ours => return Some(found()),
                Claim::Resembles => resembling = resembling.or_else(|| Some(found())),
                Claim::Foreign => {}
            }
        }
    }
    resembling
}

fn with(attribute: &Attribute, meta: Meta) -> Attribute {
    Attribute { meta, ..attribute.clone() }
}

/// What a `cfg_attr` adds; `None` for any other attribute, and for one that is for tests alone.
fn conditional(attribute: &Attribute) -> Option<Vec<Meta>> {
    let Meta::List(list) = &attribute.meta else { return None };
    if !list.path.is_ident("cfg_attr") {
        return None;
    }
    let mut condition = TokenStream::new();
    let added = |input: ParseStream<'_>| {
        while !input.is_empty() && !input.peek(Token![,]) {
            condition.extend([input.parse::<TokenTree>()?]);
        }
        input.parse::<Token![,]>()?;
        Punctuated::<Meta, Token![,]>::parse_terminated(input)
    };
    let added = added.parse2(list.tokens.clone()).ok()?;
    if implies_test(condition) {
        return Some(Vec::new());
    }
    Some(added.into_iter().collect())
}

/// The attributes before the one at `index` that may rewrite the function before it is read, as
/// they are written: `#[tracing::instrument]`.
pub fn above(function: &ItemFn, index: usize) -> Vec<String> {
    let mut above = Vec::new();
    for attribute in function.attrs.iter().take(index) {
        let path = |meta: &Meta| meta.path().to_token_stream().to_string().replace(' ', "");
        match conditional(attribute) {
            None if !is_built_in(&attribute.meta) => {
                above.push(format!("#[{}]", path(&attribute.meta)));
            }
            Some(added) => above.extend(
                added
                    .iter()
                    .filter(|meta| !is_built_in(meta))
                    .map(|meta| format!("#[cfg_attr(…, {})]", path(meta))),
            ),
            None => {}
        }
    }
    above
}

/// Whether the compiler itself knows an attribute: then no macro sees the function.
fn is_built_in(meta: &Meta) -> bool {
    const KNOWN: [&str; 19] = [
        "allow",
        "warn",
        "expect",
        "deny",
        "forbid",
        "doc",
        "inline",
        "cold",
        "must_use",
        "deprecated",
        "cfg",
        "cfg_attr",
        "track_caller",
        "no_mangle",
        "export_name",
        "link_section",
        "target_feature",
        "unsafe",
        "non_exhaustive",
    ];
    const TOOLS: [&str; 4] = ["rustfmt", "clippy", "diagnostic", "rust_analyzer"];
    let segments = &meta.path().segments;
    let Some(first) = segments.first().map(|first| first.ident.to_string()) else { return true };
    match segments.len() {
        1 => KNOWN.contains(&first.as_str()),
        _ => TOOLS.contains(&first.as_str()),
    }
}

/// What a declaration says, and the checksum of its body.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Its group.
    pub group: String,
    /// Its version.
    pub version: i64,
    /// Where the version is written.
    pub version_span: Span,
    /// Its name.
    pub name: String,
    /// Of its body.
    pub checksum: String,
    /// Whether it may be older than what is sealed.
    pub out_of_order: bool,
}

/// The function without what was found on it: what the attribute is given.
pub fn bare(function: &ItemFn, found: &Found) -> ItemFn {
    let mut bare = function.clone();
    // A `cfg_attr` may bring others, too; the checksum leaves it out anyhow.
    bare.attrs.remove(found.index);
    bare
}

/// Reads it. `None` if it is not as the attribute wants it.
pub fn declared(function: &ItemFn, found: &Found) -> Option<Declared> {
    let arguments = arguments(&found.attribute.meta)?;
    let value = |key: &str| {
        arguments.iter().find_map(|one| match one {
            Meta::NameValue(pair) if pair.path.is_ident(key) => Some(&pair.value),
            _ => None,
        })
    };
    let label = |key: &str, default: String| match value(key) {
        Some(value) => Some(text(value)?.value()),
        None => Some(default),
    };
    let literal = number(value("version")?)?;
    Some(Declared {
        version: literal.base10_parse().ok()?,
        version_span: literal.span(),
        name: label("name", function.sig.ident.unraw().to_string())?,
        group: label("group", "default".to_owned())?,
        out_of_order: arguments.iter().any(|one| one.path().is_ident("out_of_order")),
        checksum: checksum::of(&kind(function)?, bare(function, found)),
    })
}

fn arguments(meta: &Meta) -> Option<Punctuated<Meta, Token![,]>> {
    let Meta::List(list) = meta else { return None };
    list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()
}

fn has_version(meta: &Meta) -> bool {
    arguments(meta).is_some_and(|arguments| {
        arguments.iter().any(|one| match one {
            Meta::NameValue(pair) => pair.path.is_ident("version") && number(&pair.value).is_some(),
            _ => false,
        })
    })
}

/// The string that an expression is.
pub(crate) fn text(value: &Expr) -> Option<&LitStr> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn number(value: &Expr) -> Option<&LitInt> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => Some(number),
            _ => None,
        },
        _ => None,
    }
}

/// The name of the parameter's type.
pub(crate) fn kind(function: &ItemFn) -> Option<String> {
    let FnArg::Typed(parameter) = function.sig.inputs.first()? else { return None };
    let mut ty = &*parameter.ty;
    loop {
        ty = match ty {
            Type::Reference(reference) => &reference.elem,
            Type::Paren(paren) => &paren.elem,
            Type::Group(group) => &group.elem,
            Type::Path(path) => {
                let last = path.path.segments.last()?;
                return Some(last.ident.unraw().to_string());
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    //! What is found on a function, and what is above it.

    use super::*;

    fn found(text: &str) -> Option<(i64, Vec<String>)> {
        let function: ItemFn = syn::parse_str(text).expect("it is a function");
        let found = find(&function, &Names::default()).filter(|one| one.claim == Claim::Ours)?;
        Some((declared(&function, &found)?.version, above(&function, found.index)))
    }

    const REST: &str = "async fn up(tx: &mut Transaction<'_>) -> Result { Ok(()) }";

    #[test]
    fn however_its_arguments_are_written() {
        for (attribute, version) in [
            ("#[migration(version = 0x10)]", 16),
            ("#[migration{version = 1_000}]", 1_000),
            ("#[migration[ version /* the first */ = 1 ]]", 1),
            ("#[cfg_attr(feature = \"db\", mongrate::migration(version = 2))]", 2),
            ("#[cfg_attr(all(), allow(unused), migration(version = 3))]", 3),
        ] {
            let found = found(&format!("{attribute} {REST}"));
            assert_eq!(found, Some((version, Vec::new())), "{attribute}");
        }
        assert_eq!(found(&format!("#[cfg_attr(test, migration(version = 3))] {REST}")), None);
    }

    #[test]
    fn what_is_above_and_is_a_macro_is_named() {
        let text = format!(
            "/// Documented.
             #[allow(unused)] #[rustfmt::skip] #[cfg(unix)] #[cfg_attr(docsrs, doc = \"x\")]
             #[tracing::instrument(skip_all)] #[cfg_attr(feature = \"otel\", instrument)]
             #[migration(version = 1)] #[below] {REST}"
        );
        let above = found(&text).expect("it is found").1;
        assert_eq!(above, ["#[tracing::instrument]", "#[cfg_attr(…, instrument)]"]);
    }
}
