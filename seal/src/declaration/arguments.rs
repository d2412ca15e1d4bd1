//! The rules for the arguments of the attribute.

use proc_macro2::Span;
use quote::ToTokens;
use syn::{Error, Expr, Ident, Lit, LitInt, Path, UnOp, ext::IdentExt as _};

use super::{
    applies,
    broken::Broken,
    kind::Kind,
    parts::{Name, Rollback, Version},
    raw::Argument,
    suggest,
    values::{NAME_BYTES_MAX, is_label, string, ungrouped},
};
use crate::{
    after::After, group::GROUP_DEFAULT, label::label_within, lints::LINTS,
    repeatable::repeatable_number, replaces::Replaces,
};

const KEYS: [&str; 12] = [
    "version",
    "name",
    "group",
    "reversible",
    "out_of_order",
    "repeatable",
    "labels",
    "after",
    "replaces",
    "allow",
    "uses",
    "crate",
];

const EXAMPLE: &str = "version = 20250122001";

/// The arguments by key, each at most once.
#[derive(Default)]
pub(super) struct ArgumentsByKey {
    version: Option<Argument>,
    name: Option<Argument>,
    group: Option<Argument>,
    reversible: Option<Argument>,
    out_of_order: Option<Argument>,
    repeatable: Option<Argument>,
    labels: Option<Argument>,
    after: Option<Argument>,
    replaces: Option<Argument>,
    allow: Option<Argument>,
    uses: Option<Argument>,
    krate: Option<Argument>,
    /// Whether an argument that could not be read may have been the version.
    version_may_be_misspelt: bool,
}

impl ArgumentsByKey {
    pub(super) fn new(arguments: Vec<Argument>, strays: Broken, broken: &mut Broken) -> Self {
        let mut arguments_by_key =
            Self { version_may_be_misspelt: !strays.is_empty(), ..Self::default() };
        if let Err(strays) = strays.into_result() {
            broken.add(strays);
        }
        for argument in arguments {
            let key = argument.key.unraw().to_string();
            let place = match key.as_str() {
                "version" => &mut arguments_by_key.version,
                "name" => &mut arguments_by_key.name,
                "group" => &mut arguments_by_key.group,
                "reversible" => &mut arguments_by_key.reversible,
                "out_of_order" => &mut arguments_by_key.out_of_order,
                "repeatable" => &mut arguments_by_key.repeatable,
                "labels" => &mut arguments_by_key.labels,
                "after" => &mut arguments_by_key.after,
                "replaces" => &mut arguments_by_key.replaces,
                "allow" => &mut arguments_by_key.allow,
                "uses" => &mut arguments_by_key.uses,
                "crate" => &mut arguments_by_key.krate,
                _ => {
                    let meant = suggest::key(&key, &KEYS);
                    arguments_by_key.version_may_be_misspelt |= meant == Some("version");
                    broken.add(unknown(&argument.key, meant));
                    continue;
                }
            };
            if place.is_some() {
                let text = format!("`{key}` is given twice; remove one of them");
                broken.add(Error::new(argument.key.span(), text));
            } else {
                *place = Some(argument);
            }
        }
        arguments_by_key
    }

    /// The version; of a repeatable migration, the number that its name makes.
    pub(super) fn version(&self, name: Option<&Name>, broken: &mut Broken) -> Option<Version> {
        if self.repeatable.is_some() {
            return name
                .map(|name| Version { number: repeatable_number(&name.text), span: name.span });
        }
        let Some(argument) = &self.version else {
            if !self.version_may_be_misspelt {
                let text = format!("missing `version`, as in `#[migration({EXAMPLE})]`");
                broken.add(Error::new(Span::call_site(), text));
            }
            return None;
        };
        broken.keep(number(argument))
    }

    pub(super) fn name(&self, function: &Ident, broken: &mut Broken) -> Option<Name> {
        if let Some(argument) = &self.name {
            return broken.keep(label(argument));
        }
        let name = function.unraw().to_string();
        if is_label(&name) {
            return Some(Name { text: name, span: function.span() });
        }
        let text = format!(
            "the function's name is the migration's name, which is 1 to {NAME_BYTES_MAX} bytes \
             of a-z, 0-9 and `_`: rename the function, or add `name = \"{}\"`",
            label_within(&name, NAME_BYTES_MAX),
        );
        broken.add(Error::new(function.span(), text));
        None
    }

    pub(super) fn group(&self, broken: &mut Broken) -> Option<String> {
        match &self.group {
            Some(argument) => broken.keep(label(argument)).map(|group| group.text),
            None => Some(GROUP_DEFAULT.to_owned()),
        }
    }

    pub(super) fn rollback(
        &self,
        kind: Option<Kind>,
        function: &Ident,
        broken: &mut Broken,
    ) -> Rollback {
        let Some(argument) = &self.reversible else { return Rollback::None };
        match (kind, &argument.value) {
            (Some(Kind::Change), None) => Rollback::Derived,
            (Some(Kind::Change), Some(value)) => {
                let text = "mongrate undoes a `Change` by the inverse of each operation: write \
                            `reversible` without a value";
                broken.add(Error::new_spanned(value, text));
                Rollback::None
            }
            (_, _) => {
                broken.keep(path(argument, function)).map_or(Rollback::None, Rollback::Function)
            }
        }
    }

    pub(super) fn out_of_order(&self, broken: &mut Broken) -> bool {
        if let Some(Argument { value: Some(value), .. }) = &self.out_of_order {
            let text = "`out_of_order` takes no value: write `out_of_order` alone, or remove it";
            broken.add(Error::new_spanned(value, text));
        }
        self.out_of_order.is_some()
    }

    /// Whether it is repeatable. Refuses what does not go with that.
    pub(super) fn repeatable(&self, kind: Option<Kind>, broken: &mut Broken) -> bool {
        if let Some(repeatable) = &self.repeatable {
            let others = [&self.version, &self.reversible, &self.out_of_order, &self.replaces];
            applies::refuse(repeatable, kind, others.map(Option::as_ref), broken);
        }
        self.repeatable.is_some()
    }

    pub(super) fn labels(&self, broken: &mut Broken) -> Vec<String> {
        self.labels.as_ref().map(|labels| applies::labels(labels, broken)).unwrap_or_default()
    }

    pub(super) fn after(&self, group: Option<&str>, broken: &mut Broken) -> Vec<After> {
        self.after.as_ref().map(|after| applies::after(after, group, broken)).unwrap_or_default()
    }

    pub(super) fn replaces(&self, broken: &mut Broken) -> Option<Replaces> {
        let replaces = self.replaces.as_ref()?;
        applies::refuse_squash([self.reversible.as_ref(), self.labels.as_ref()], broken);
        broken.keep(applies::replaces(replaces))
    }

    pub(super) fn allow(&self, broken: &mut Broken) -> Vec<String> {
        let Some(argument) = &self.allow else { return Vec::new() };
        let values: Vec<&Expr> = match argument.value.as_ref().map(ungrouped) {
            Some(Expr::Array(list)) => list.elems.iter().map(ungrouped).collect(),
            Some(value) => vec![value],
            None => {
                let text = format!("`allow` needs the lint's name: `allow = \"{}\"`", LINTS[0]);
                broken.add(Error::new(argument.key.span(), text));
                Vec::new()
            }
        };
        values.into_iter().filter_map(|value| broken.keep(lint(value))).collect()
    }

    pub(super) fn uses(&self, broken: &mut Broken) -> Vec<Path> {
        let Some(argument) = &self.uses else { return Vec::new() };
        match argument.value.as_ref().map(ungrouped) {
            Some(Expr::Array(list)) if !list.elems.is_empty() => {
                list.elems.iter().filter_map(|value| broken.keep(used(value))).collect()
            }
            Some(value @ Expr::Array(_)) => {
                broken.add(Error::new_spanned(value, "`uses` names nothing: remove it"));
                Vec::new()
            }
            Some(value @ Expr::Path(path)) => {
                let path = path.path.to_token_stream().to_string().replace(' ', "");
                let text = format!("`uses` takes a list: `uses = [{path}]`");
                broken.add(Error::new_spanned(value, text));
                Vec::new()
            }
            Some(value) => {
                broken.add(Error::new_spanned(value, USES_FORM));
                Vec::new()
            }
            None => {
                broken.add(Error::new(argument.key.span(), USES_FORM));
                Vec::new()
            }
        }
    }

    pub(super) fn krate(&self, broken: &mut Broken) -> Option<Path> {
        let argument = self.krate.as_ref()?;
        match &argument.value {
            Some(value) => broken.keep(krate(value)),
            None => {
                let text = "`crate` needs a value: `crate = \"my_crate::mongrate\"`";
                broken.add(Error::new(argument.key.span(), text));
                None
            }
        }
    }
}

/// Reads the value of `crate`, the path of `mongrate`: in quotes as other macros take it, or bare.
///
/// # Errors
///
/// If the value is not the path of a module.
pub fn krate(value: &Expr) -> syn::Result<Path> {
    let value = ungrouped(value);
    let path = match (string(value), value) {
        (Some(text), _) => text.parse_with(Path::parse_mod_style).ok(),
        (None, Expr::Path(path)) if path.qself.is_none() => Some(path.path.clone()),
        _ => None,
    };
    let is_plain = |path: &Path| path.segments.iter().all(|segment| segment.arguments.is_none());
    path.filter(is_plain).ok_or_else(|| {
        let text = "`crate` takes the path of `mongrate`: `crate = \"my_crate::mongrate\"`";
        Error::new_spanned(value, text)
    })
}

const USES_FORM: &str = "`uses` takes the paths of items of this package or workspace: \
                         `uses = [crate::money::round, Price]`";

/// Reads one value of `uses`.
fn used(value: &Expr) -> syn::Result<Path> {
    let value = ungrouped(value);
    if let Some(text) = string(value) {
        let rule = match syn::parse_str::<Path>(&text.value()) {
            Ok(_) => format!("write the path without quotes: `uses = [{}]`", text.value()),
            Err(_) => USES_FORM.to_owned(),
        };
        return Err(Error::new(text.span(), rule));
    }
    match value {
        Expr::Path(path) if path.qself.is_none() => {
            match path.path.segments.iter().find(|segment| !segment.arguments.is_none()) {
                None => Ok(path.path.clone()),
                Some(segment) => {
                    let text = "`uses` names an item, without what is between `<` and `>`";
                    Err(Error::new_spanned(&segment.arguments, text))
                }
            }
        }
        Expr::Macro(call) => {
            let text = "write the macro's path without `!`: `uses = [my_macro]`";
            Err(Error::new_spanned(&call.mac.path, text))
        }
        _ => Err(Error::new_spanned(value, USES_FORM)),
    }
}

/// Reads one value of `allow`.
fn lint(value: &Expr) -> syn::Result<String> {
    let Some(text) = string(value) else {
        let text = format!("`allow` takes the names of lints: `allow = \"{}\"`", LINTS[0]);
        return Err(Error::new_spanned(value, text));
    };
    let name = text.value();
    if LINTS.contains(&name.as_str()) {
        return Ok(name);
    }
    let problem = match suggest::key(&name, &LINTS) {
        Some(meant) => format!("no lint is called `{name}`; did you mean `{meant}`?"),
        None => format!(
            "no lint is called `{name}`; the lints are {}",
            suggest::list(&LINTS.map(|lint| format!("`{lint}`")), "and"),
        ),
    };
    Err(Error::new(text.span(), problem))
}

fn unknown(key: &Ident, meant: Option<&str>) -> Error {
    let text = match meant {
        Some(meant) => format!("unknown argument `{key}`; did you mean `{meant}`?"),
        None => format!(
            "unknown argument `{key}`; `#[migration]` takes {}",
            suggest::list(&KEYS.map(|key| format!("`{key}`")), "and"),
        ),
    };
    Error::new(key.span(), text)
}

fn number(argument: &Argument) -> syn::Result<Version> {
    let Some(value) = argument.value.as_ref().map(ungrouped) else {
        let text = format!("`version` needs a number: `{EXAMPLE}`");
        return Err(Error::new(argument.key.span(), text));
    };
    match value {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Int(number) => positive(number),
            Lit::Str(text) => {
                let digits = text.value();
                let example = if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
                    format!("version = {digits}")
                } else {
                    EXAMPLE.to_owned()
                };
                Err(Error::new(
                    text.span(),
                    format!("`version` is a number without quotes: `{example}`"),
                ))
            }
            other => Err(not_a_number(other)),
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => {
            let text = format!("`version` starts at 1 and cannot be negative: `{EXAMPLE}`");
            Err(Error::new_spanned(value, text))
        }
        _ => Err(not_a_number(value)),
    }
}

fn not_a_number(value: &impl ToTokens) -> Error {
    let text = format!(
        "`version` is a literal whole number, as in `{EXAMPLE}`: \
         the attribute cannot see the value of a constant"
    );
    Error::new_spanned(value, text)
}

fn positive(number: &LitInt) -> syn::Result<Version> {
    let span = number.span();
    let digits = number.base10_digits();
    if !matches!(number.suffix(), "" | "i64" | "u64") {
        let text = format!("`version` is an `i64`: write `{digits}`");
        return Err(Error::new(span, text));
    }
    match digits.parse::<i64>() {
        Ok(0) => Err(Error::new(span, format!("`version` starts at 1, as in `{EXAMPLE}`"))),
        Ok(number) => Ok(Version { number, span }),
        Err(_) => {
            let text = format!("`version` is at most {}, the largest `i64`", i64::MAX);
            Err(Error::new(span, text))
        }
    }
}

/// Reads the value of `name` or `group`.
fn label(argument: &Argument) -> syn::Result<Name> {
    let key = argument.key.unraw().to_string();
    let Some(value) = argument.value.as_ref().map(ungrouped) else {
        let text = format!("`{key}` needs a value: `{key} = \"…\"`");
        return Err(Error::new(argument.key.span(), text));
    };
    let Some(text) = string(value) else {
        let text = format!("`{key}` is a string literal: `{key} = \"…\"`");
        return Err(Error::new_spanned(value, text));
    };
    let written = text.value();
    if is_label(&written) {
        return Ok(Name { text: written, span: text.span() });
    }
    let rule = format!("`{key}` is 1 to {NAME_BYTES_MAX} bytes of a-z, 0-9 and `_`");
    let suggestion = label_within(&written, NAME_BYTES_MAX);
    let text_of_error = if written.is_empty() || suggestion.is_empty() {
        rule
    } else if written.len() > NAME_BYTES_MAX && written == written.to_ascii_lowercase() {
        format!("{rule}; this has {}", written.len())
    } else {
        format!("{rule}, as in `{key} = \"{suggestion}\"`")
    };
    Err(Error::new(text.span(), text_of_error))
}

/// Reads the value of `reversible`.
fn path(argument: &Argument, function: &Ident) -> syn::Result<Path> {
    let example = format!("reversible = undo_{}", function.unraw());
    let Some(value) = argument.value.as_ref().map(ungrouped) else {
        let text = format!("`reversible` needs the function that undoes this one: `{example}`");
        return Err(Error::new(argument.key.span(), text));
    };
    if let Some(text) = string(value) {
        let rule = match syn::parse_str::<Path>(&text.value()) {
            Ok(_) => format!("write the path without quotes: `reversible = {}`", text.value()),
            Err(_) => format!("`reversible` is the path of a function: `{example}`"),
        };
        return Err(Error::new(text.span(), rule));
    }
    let Expr::Path(path) = value else {
        let text = format!("`reversible` is the path of a function: `{example}`");
        return Err(Error::new_spanned(value, text));
    };
    if is_itself(&path.path, function) {
        let text = format!(
            "a migration cannot be its own rollback: name another function, as in `{example}`"
        );
        return Err(Error::new_spanned(value, text));
    }
    if let Some(qself) = &path.qself {
        let text = format!("`reversible` is the path of a free function: `{example}`");
        return Err(Error::new_spanned(&qself.ty, text));
    }
    Ok(path.path.clone())
}

/// Whether a path is `function` or `self::function`.
fn is_itself(path: &Path, function: &Ident) -> bool {
    let mut segments = path.segments.iter().map(|segment| &segment.ident);
    let first = segments.next();
    let named = if first.is_some_and(|first| first == "self") { segments.next() } else { first };
    named == Some(function) && segments.next().is_none()
}
