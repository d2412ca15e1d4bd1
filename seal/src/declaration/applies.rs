//! The arguments that say when a migration applies: `repeatable`, `labels` and `after`.

use syn::{Error, Expr, LitStr, ext::IdentExt as _};

use super::{
    broken::Broken,
    kind::Kind,
    raw::Argument,
    values::{is_label, string, ungrouped},
};
use crate::{after::After, replaces::Replaces};

/// Whether a text may be a label: 1 to 64 bytes of a-z, 0-9 and `_`, after a `!` if it excludes.
pub(super) fn is_label_of_migration(text: &str) -> bool {
    is_label(text.strip_prefix('!').unwrap_or(text))
}

/// Reads `labels`.
pub(super) fn labels(argument: &Argument, broken: &mut Broken) -> Vec<String> {
    let label = |text: &LitStr| {
        let written = text.value();
        if is_label_of_migration(&written) {
            return Ok(written);
        }
        let rule = "a label is 1 to 64 bytes of a-z, 0-9 and `_`, after a `!` if the migration does not \
                    apply where the label is selected: `labels = [\"eu\", \"!test\"]`";
        Err(Error::new(text.span(), rule))
    };
    let labels = texts(argument, "labels = [\"demo\"]", broken, label);
    let mut seen: Vec<&str> = Vec::new();
    for label in &labels {
        let bare = label.trim_start_matches('!');
        if seen.contains(&bare) {
            let text = format!("`labels` names `{bare}` twice; remove one of them");
            broken.add(Error::new(argument.key.span(), text));
        }
        seen.push(bare);
    }
    labels
}

/// Reads `after`. `group`: that of the migration itself.
pub(super) fn after(argument: &Argument, group: Option<&str>, broken: &mut Broken) -> Vec<After> {
    texts(argument, "after = \"billing::20250122001\"", broken, |text| {
        let Some(after) = After::parse(&text.value()) else {
            let rule =
                "`after` takes a group and a version of it: `after = \"billing::20250122001\"`";
            return Err(Error::new(text.span(), rule));
        };
        if group == Some(after.group.as_str()) {
            let rule = format!(
                "`after` names a migration of another group; within group `{}`, versions are the order",
                after.group
            );
            return Err(Error::new(text.span(), rule));
        }
        Ok(after)
    })
}

/// Reads `replaces`.
pub(super) fn replaces(argument: &Argument) -> syn::Result<Replaces> {
    let text = argument.value.as_ref().map(ungrouped).and_then(string);
    text.and_then(|text| Replaces::parse(&text.value())).ok_or_else(|| {
        let rule = "`replaces` is what `cargo mongrate squash` wrote: a version, a count and a digest; \
                    restore it";
        match &argument.value {
            Some(value) => Error::new_spanned(value, rule),
            None => Error::new(argument.key.span(), rule),
        }
    })
}

/// Reads a string literal, or several between brackets.
fn texts<T>(
    argument: &Argument,
    example: &str,
    broken: &mut Broken,
    read: impl Fn(&LitStr) -> syn::Result<T>,
) -> Vec<T> {
    let key = argument.key.unraw();
    let values: Vec<&Expr> = match argument.value.as_ref().map(ungrouped) {
        Some(Expr::Array(list)) if !list.elems.is_empty() => {
            list.elems.iter().map(ungrouped).collect()
        }
        Some(value @ Expr::Array(_)) => {
            let text = format!("`{key}` is empty: remove it, or write `{example}`");
            broken.add(Error::new_spanned(value, text));
            Vec::new()
        }
        Some(value) => vec![value],
        None => {
            let text = format!("`{key}` needs a value: `{example}`");
            broken.add(Error::new(argument.key.span(), text));
            Vec::new()
        }
    };
    let read = |value| match string(value) {
        Some(text) => read(text),
        None => {
            let text = format!("`{key}` takes string literals: `{example}`");
            Err(Error::new_spanned(value, text))
        }
    };
    values.into_iter().filter_map(|value| broken.keep(read(value))).collect()
}

/// Refuses what a squash cannot have: `reversible` and `labels`, if they were given.
pub(super) fn refuse_squash(others: [Option<&Argument>; 2], broken: &mut Broken) {
    let reasons = [
        "a squash is not rolled back: that would drop what the old migrations made, with its documents; \
         remove `reversible`",
        "a squash has no labels: where they are not selected, neither it nor what it stands for would \
         run; remove `labels`",
    ];
    for (other, reason) in others.into_iter().zip(reasons) {
        if let Some(other) = other {
            broken.add(Error::new(other.key.span(), reason));
        }
    }
}

/// Refuses what a repeatable migration cannot have. `others`: the arguments that were given.
pub(super) fn refuse(
    repeatable: &Argument,
    kind: Option<Kind>,
    others: [Option<&Argument>; 4],
    broken: &mut Broken,
) {
    if let Some(value) = &repeatable.value {
        let text = "`repeatable` takes no value: write `repeatable` alone, or remove it";
        broken.add(Error::new_spanned(value, text));
    }
    if kind == Some(Kind::Change) {
        let text = "a `Change` knows the inverse of what it did once, so it is not repeatable: take \
                    `&mut Transaction<'_>` or `&mut Online<'_>`";
        broken.add(Error::new(repeatable.key.span(), text));
    }
    let reasons = [
        "a repeatable migration has no version: its name stands for it; remove `version`, or \
         `repeatable`",
        "a repeatable migration is not rolled back: its former text is not known; remove \
         `reversible`, or `repeatable`",
        "a repeatable migration comes after all versions; remove `out_of_order`, or `repeatable`",
        "a squash has a version, which it runs once; remove `replaces`, or `repeatable`",
    ];
    for (other, reason) in others.into_iter().zip(reasons) {
        if let Some(other) = other {
            broken.add(Error::new(other.key.span(), reason));
        }
    }
}
