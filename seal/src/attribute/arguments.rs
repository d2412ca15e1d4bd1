//! The arguments of an attribute, and the type of the function's parameter.

use syn::{
    Expr, FnArg, ItemFn, Lit, LitInt, LitStr, Meta, Token, Type, ext::IdentExt as _,
    punctuated::Punctuated,
};

/// Returns the arguments between the parentheses of an attribute.
pub(super) fn arguments(meta: &Meta) -> Option<Punctuated<Meta, Token![,]>> {
    let Meta::List(list) = meta else { return None };
    list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()
}

/// Whether the arguments hold a version that is a number, or the word that takes its place.
pub(super) fn has_version(meta: &Meta) -> bool {
    arguments(meta).is_some_and(|arguments| {
        arguments.iter().any(|argument| match argument {
            Meta::NameValue(pair) => pair.path.is_ident("version") && number(&pair.value).is_some(),
            Meta::Path(path) => path.is_ident("repeatable"),
            Meta::List(_) => false,
        })
    })
}

/// Returns the string literal that an expression is.
pub(crate) fn text(value: &Expr) -> Option<&LitStr> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the number that an expression is.
pub(super) fn number(value: &Expr) -> Option<&LitInt> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => Some(number),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the name of the parameter's type.
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
