//! What the attribute on a function declares.

use proc_macro2::Span;
use syn::{Expr, ItemFn, LitStr, Meta, ext::IdentExt as _};

use super::{
    arguments::{arguments, kind, number, text},
    find::{Found, bare},
};
use crate::{checksum, group::GROUP_DEFAULT, replaces::Replaces, uses::parts};

/// The content of a declaration, and the checksum of its body.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The group.
    pub group: String,
    /// The version.
    pub version: i64,
    /// The place where the version is written.
    pub version_span: Span,
    /// The name.
    pub name: String,
    /// The checksum of the body, without the items in `uses`.
    pub checksum: String,
    /// The items whose text is part of the checksum, as [`parts`](crate::uses::parts) gives their paths.
    pub uses: Vec<Vec<String>>,
    /// The path in `reversible`, if it has one.
    pub rollback: Vec<String>,
    /// The lints that it acknowledges.
    pub allow: Vec<String>,
    /// Whether the migration may be older than sealed migrations.
    pub out_of_order: bool,
    /// What it stands for, if it is a squash.
    pub replaces: Option<String>,
    /// Whether it applies only where labels are selected.
    pub has_labels: bool,
    /// The migrations of other groups that come first, as they are written.
    pub after: Vec<String>,
}

/// Whether the attribute says that the migration is repeatable: then it has no version, and is not
/// sealed.
pub fn is_repeatable(found: &Found) -> bool {
    let arguments = arguments(&found.attribute.meta);
    arguments.is_some_and(|all| all.iter().any(|one| one.path().is_ident("repeatable")))
}

/// Returns the strings of an argument: one, or several between brackets.
fn texts(argument: &Meta) -> Vec<String> {
    let Meta::NameValue(pair) = argument else { return Vec::new() };
    let values: Vec<&Expr> = match &pair.value {
        Expr::Array(list) => list.elems.iter().collect(),
        value => vec![value],
    };
    values.into_iter().filter_map(text).map(LitStr::value).collect()
}

/// Reads the declaration. `None` if it does not have the attribute's form.
pub fn declared(function: &ItemFn, found: &Found) -> Option<Declared> {
    let arguments = arguments(&found.attribute.meta)?;
    let value = |key: &str| {
        arguments.iter().find_map(|argument| match argument {
            Meta::NameValue(pair) if pair.path.is_ident(key) => Some(&pair.value),
            _ => None,
        })
    };
    let label = |key: &str, default: String| match value(key) {
        Some(value) => Some(text(value)?.value()),
        None => Some(default),
    };
    let literal = number(value("version")?)?;
    let of_body = checksum::of(&kind(function)?, bare(function, found));
    Some(Declared {
        version: literal.base10_parse().ok()?,
        version_span: literal.span(),
        name: label("name", function.sig.ident.unraw().to_string())?,
        group: label("group", GROUP_DEFAULT.to_owned())?,
        uses: list(value("uses"))
            .filter_map(|value| match value {
                Expr::Path(path) => Some(parts(&path.path)),
                _ => None,
            })
            .collect(),
        rollback: match value("reversible") {
            Some(Expr::Path(path)) => parts(&path.path),
            _ => Vec::new(),
        },
        allow: list(value("allow")).filter_map(|value| text(value).map(LitStr::value)).collect(),
        out_of_order: arguments.iter().any(|argument| argument.path().is_ident("out_of_order")),
        checksum: match value("replaces") {
            None => of_body,
            Some(replaces) => Replaces::checksum(&text(replaces)?.value(), &of_body),
        },
        replaces: value("replaces").and_then(text).map(LitStr::value),
        has_labels: arguments.iter().any(|argument| argument.path().is_ident("labels")),
        after: arguments
            .iter()
            .find(|one| one.path().is_ident("after"))
            .map(texts)
            .unwrap_or_default(),
    })
}

/// Returns the values of a list, or the one value.
fn list(value: Option<&Expr>) -> impl Iterator<Item = &Expr> {
    let values: Vec<&Expr> = match value {
        Some(Expr::Array(list)) => list.elems.iter().collect(),
        value => value.into_iter().collect(),
    };
    values.into_iter()
}

#[cfg(test)]
mod tests {
    //! The attribute on a function, and the macros above it.

    use super::{
        super::{
            find::{above, find},
            names::{Claim, Names},
        },
        *,
    };

    fn found(text: &str) -> Option<(i64, Vec<String>)> {
        let function: ItemFn = syn::parse_str(text).expect("it is a function");
        let found =
            find(&function, &Names::default()).filter(|found| found.claim == Claim::Ours)?;
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
