//! What is passed on to the server without being known here.

use mongodb::bson::Bson;

use super::found::Found;
use crate::{model::lint::LintName, run::lint::names::nearest};

/// The lint for an option with its value, or for a kind of key.
pub(super) fn passed_on(
    collection: &str,
    name: &str,
    value: Option<&Bson>,
    known: &[&str],
) -> Found {
    let code = |name: &str| match value {
        Some(value) => format!(".option({name:?}, {value})"),
        None => format!("doc! {{ …: {name:?} }}"),
    };
    let what = if value.is_some() { "option" } else { "kind of index" };
    let near = nearest(name, known.iter().copied());
    let meant = near.map(|near| format!(" (is `{near}` meant?)")).unwrap_or_default();
    let good = match near {
        Some(near) => format!("// If `{near}` is meant:\n{}", code(near)),
        None => {
            "// If the server knows it:\n#[migration(…, allow = \"unknown_option\")]".to_owned()
        }
    };
    Found {
        name: LintName::UnknownOption,
        message: format!(
            "this version of Mongrate does not know the {what} `{name}`{meant}; it passes it on for \
             `{collection}`, and the server decides"
        ),
        bad: code(name),
        good,
        details: Vec::new(),
        estimated: false,
    }
}
