//! The rules for the function: `async fn(&mut Transaction<'_>) -> mongrate::Result`, the same
//! with `Online`, or `fn(&mut Change)`.

use syn::{
    Attribute, Error, FnArg, GenericArgument, GenericParam, Generics, ItemFn, PatType,
    PathArguments, ReturnType, Safety, Signature, Type, TypeParamBound, TypeReference,
    ext::IdentExt as _, spanned::Spanned as _,
};

use super::{broken::Broken, kind::Kind, suggest};

/// Checks the function's signature. Returns its kind, if the parameter shows it.
pub(super) fn check(function: &ItemFn, broken: &mut Broken) -> Option<Kind> {
    let signature = &function.sig;
    if let Some(again) = function.attrs.iter().find(|attribute| is_migration(attribute)) {
        let text = "`#[migration]` is given twice; remove one of them";
        broken.add(Error::new(again.path().span(), text));
    }
    generics(&signature.generics, broken);
    let kind = parameter(signature, broken);
    qualifiers(signature, kind, broken);
    if kind == Some(Kind::Change) {
        no_output(signature, broken);
    } else {
        output(signature, broken);
    }
    kind
}

/// Whether an attribute is ours, and not another crate's attribute of the same name.
fn is_migration(attribute: &Attribute) -> bool {
    let mut names = attribute.path().segments.iter().map(|segment| segment.ident.to_string());
    let (first, last) = (names.next(), names.next_back());
    matches!(
        (first.as_deref(), last.as_deref()),
        (Some("migration"), None)
            | (Some("mongrate" | "crate" | "self" | "super"), Some("migration"))
    )
}

fn qualifiers(signature: &Signature, kind: Option<Kind>, broken: &mut Broken) {
    if let Some(token) = signature.constness {
        broken.add(Error::new(token.span(), "a migration runs at run time: remove `const`"));
    }
    match (signature.asyncness, kind) {
        (Some(token), Some(Kind::Change)) => {
            let text =
                "a migration that takes a `Change` only describes operations: remove `async`";
            broken.add(Error::new(token.span(), text));
        }
        (None, Some(Kind::Transaction | Kind::Online) | None) => {
            let text = format!("a migration is async: write `async fn {}`", signature.ident);
            broken.add(Error::new(signature.fn_token.span(), text));
        }
        (Some(_), _) | (None, Some(Kind::Change)) => {}
    }
    if let Safety::Unsafe(token) = signature.safety {
        let text = "mongrate calls a migration from safe code: remove `unsafe`";
        broken.add(Error::new(token.span(), text));
    }
    if let Some(abi) = &signature.abi {
        broken.add(Error::new_spanned(abi, "a migration uses Rust's own ABI: remove `extern`"));
    }
    if let Some(variadic) = &signature.variadic {
        let text = "a migration takes one parameter: remove the `...`";
        broken.add(Error::new(variadic.dots.span(), text));
    }
}

fn generics(generics: &Generics, broken: &mut Broken) {
    let mut parameters = generics.params.iter().filter_map(|parameter| match parameter {
        GenericParam::Type(parameter) => Some(&parameter.ident),
        GenericParam::Const(parameter) => Some(&parameter.ident),
        GenericParam::Lifetime(_) => None,
    });
    let mut bounded = generics.params.iter().filter_map(|parameter| match parameter {
        GenericParam::Lifetime(parameter) if !parameter.bounds.is_empty() => Some(parameter),
        _ => None,
    });
    if let Some(bounded) = bounded.next() {
        let text = format!(
            "mongrate calls a migration with any lifetime, so `{0}` cannot have a bound: remove `{0}` \
             here, and write `'_` where `{0}` is used",
            bounded.lifetime
        );
        broken.add(Error::new_spanned(bounded, text));
    } else if let Some(first) = parameters.next() {
        let text = format!(
            "a migration cannot be generic, as mongrate cannot choose `{first}`: remove `{first}`"
        );
        broken.add(Error::new(first.span(), text));
    } else if let Some(clause) = &generics.where_clause {
        let text = "a migration has no parameters to bound: remove the `where` clause";
        broken.add(Error::new(clause.where_token.span(), text));
    }
}

fn parameter(signature: &Signature, broken: &mut Broken) -> Option<Kind> {
    let mut parameters = signature.inputs.iter();
    let first = match parameters.next() {
        Some(FnArg::Typed(first)) => first,
        Some(FnArg::Receiver(receiver)) => {
            let text = "a migration is a free function, not a method: move it out of the block \
                        and remove `self`";
            broken.add(Error::new(receiver.self_token.span(), text));
            return None;
        }
        None => {
            let text = format!("missing parameter: add {}", kinds("tx"));
            broken.add(Error::new(signature.paren_token.span.join(), text));
            return None;
        }
    };
    for extra in parameters {
        let text = "a migration takes one parameter: remove this one";
        broken.add(Error::new_spanned(extra, text));
    }
    broken.keep(kind(first)).or_else(|| meant(&first.ty))
}

/// Returns the kind that a parameter names, even if the parameter is not borrowed as it must be.
fn meant(ty: &Type) -> Option<Kind> {
    match bare(ty) {
        Type::Reference(reference) => named(&reference.elem),
        other => named(other),
    }
}

fn kind(parameter: &PatType) -> syn::Result<Kind> {
    let name = match &*parameter.pat {
        syn::Pat::Ident(pattern) => pattern.ident.to_string(),
        _ => "_".to_owned(),
    };
    let written = bare(&parameter.ty);
    let reason = match written {
        Type::Reference(reference) => match named(&reference.elem) {
            Some(kind) if reference.mutability.is_some() => {
                return lifetimes(reference).map(|()| kind);
            }
            Some(kind) => format!("borrow the parameter mutably: `{name}: {}`", kind.parameter()),
            None => unknown(&reference.elem, &name),
        },
        other => match named(other) {
            Some(kind) => format!("borrow the parameter: `{name}: {}`", kind.parameter()),
            None => unknown(other, &name),
        },
    };
    Err(Error::new_spanned(written, reason))
}

/// Returns the error text for a type whose name is not that of a kind.
fn unknown(ty: &Type, name: &str) -> String {
    let text = format!("a migration takes {}", kinds(name));
    match bare(ty) {
        Type::Path(path) => {
            let last = path.path.segments.last().map(|last| last.ident.unraw().to_string());
            let last = last.unwrap_or_default();
            format!(
                "{text}; write the type by one of these names: the attribute cannot see whether `{last}` \
                 is an alias, or was renamed by `use … as {last}`"
            )
        }
        _ => text,
    }
}

fn bare(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            _ => return ty,
        }
    }
}

/// Returns the kind that a type's last segment names, whatever its path.
fn named(ty: &Type) -> Option<Kind> {
    let Type::Path(path) = bare(ty) else { return None };
    let last = path.path.segments.last()?;
    Kind::ALL.into_iter().find(|kind| last.ident.unraw() == kind.name())
}

/// Refuses `'static`, and one lifetime for both the reference and its target.
fn lifetimes(reference: &TypeReference) -> syn::Result<()> {
    let outer = reference.lifetime.as_ref();
    let inner = match bare(&reference.elem) {
        Type::Path(path) => path.path.segments.last().and_then(|last| match &last.arguments {
            PathArguments::AngleBracketed(list) => list.args.iter().find_map(|each| match each {
                GenericArgument::Lifetime(lifetime) => Some(lifetime),
                _ => None,
            }),
            _ => None,
        }),
        _ => None,
    };
    let tied = [outer, inner].into_iter().flatten().find(|each| each.ident == "static");
    let tied = tied.or(inner.filter(|inner| inner.ident != "_" && outer == Some(inner)));
    match tied {
        None => Ok(()),
        Some(tied) => {
            let text = format!(
                "write `'_`: the parameter lives only as long as the migration, not `{tied}`"
            );
            Err(Error::new(tied.span(), text))
        }
    }
}

/// Returns the parameters to choose from.
fn kinds(name: &str) -> String {
    let each = Kind::ALL.map(|kind| format!("`{name}: {}`", kind.parameter()));
    suggest::list(&each, "or")
}

fn no_output(signature: &Signature, broken: &mut Broken) {
    if let ReturnType::Type(_, ty) = &signature.output
        && !matches!(bare(ty), Type::Tuple(unit) if unit.elems.is_empty())
    {
        let text = "a migration that takes a `Change` only describes operations, and cannot fail: return nothing";
        broken.add(Error::new_spanned(ty, text));
    }
}

fn output(signature: &Signature, broken: &mut Broken) {
    let text = "missing return type: add `-> mongrate::Result`";
    match &signature.output {
        ReturnType::Default => broken.add(Error::new(signature.paren_token.span.close(), text)),
        ReturnType::Type(_, ty) if matches!(bare(ty), Type::Tuple(unit) if unit.elems.is_empty()) =>
        {
            let text = "a migration can fail: return `mongrate::Result` instead of `()`";
            broken.add(Error::new_spanned(ty, text));
        }
        ReturnType::Type(_, ty) => {
            if let Some(error) = error_bound_to_its_thread(ty) {
                let text = "mongrate sends a migration's error to another thread: return `mongrate::Result`, \
                            or add the bounds: `Box<dyn std::error::Error + Send + Sync>`";
                broken.add(Error::new_spanned(error, text));
            }
        }
    }
}

/// Returns the `Box<dyn Error>` of a `Result<(), Box<dyn Error>>`, if `Send` or `Sync` is missing.
fn error_bound_to_its_thread(output: &Type) -> Option<&Type> {
    let [_, error] = arguments_of(output, "Result")?[..] else { return None };
    let [inner] = arguments_of(error, "Box")?[..] else { return None };
    let Type::TraitObject(object) = bare(inner) else { return None };
    let has = |name: &str| {
        object.bounds.iter().any(|bound| match bound {
            TypeParamBound::Trait(bound) => {
                bound.path.segments.last().is_some_and(|last| last.ident == name)
            }
            _ => false,
        })
    };
    let is_error = has("Error");
    (is_error && !(has("Send") && has("Sync"))).then_some(error)
}

/// Returns the types in the angle brackets of a path that ends with `name`.
fn arguments_of<'a>(ty: &'a Type, name: &str) -> Option<Vec<&'a Type>> {
    let Type::Path(path) = bare(ty) else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(list) = &last.arguments else { return None };
    let types = list.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    Some(types.collect())
}
