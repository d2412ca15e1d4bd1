//! What migrations lead to, as the app says, and whether two answers are the same.

use std::{collections::BTreeMap, ffi::OsString};

use serde::Deserialize;

use super::options::Squash;
use crate::{
    app,
    arguments::Call,
    package::{Package, Selection, Workspace},
};

/// What the migrations up to a version lead to in an empty database: the app's `schema --at --json`.
#[derive(Debug, Deserialize)]
pub(super) struct Led {
    pub(super) schema: String,
    pub(super) operations: Vec<String>,
    #[serde(default)]
    pub(super) documents: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(super) others: BTreeMap<String, u64>,
    #[serde(default)]
    pub(super) unwritable: Vec<String>,
}

/// Asks the app.
pub(super) fn asked(
    workspace: &Workspace,
    selection: &Selection<'_>,
    package: &Package,
    options: &Squash,
    version: i64,
) -> Result<Led, String> {
    let mut arguments: Vec<OsString> =
        vec!["--at".into(), version.to_string().into(), "--json".into()];
    if options.group != mongrate_seal::GROUP_DEFAULT {
        arguments.extend(["--group".into(), options.group.clone().into()]);
    }
    for name in &options.data {
        arguments.extend(["--data".into(), name.into()]);
    }
    arguments.extend(options.rest.iter().cloned());
    let call = Call { verb: "schema", build: &options.build, arguments: &arguments };
    // The migrations may be in a library: its app is another package.
    let any = Selection { names: &[], all: false };
    let selection = if package.binaries.is_empty() { &any } else { selection };
    let text = app::output(workspace, selection, &call)?;
    serde_json::from_str(&text).map_err(|error| {
        format!("the app's `schema --at` printed something else than its report: {error}")
    })
}

/// Shows how what the squash leads to differs from what the old migrations led to.
pub(super) fn difference(old: &Led, new: &Led) -> Option<String> {
    let mut lines = between(&old.schema, &new.schema);
    for (name, documents) in &old.documents {
        let now = new.documents.get(name).map(Vec::as_slice).unwrap_or_default();
        let (old, new) = (documents.join("\n"), now.join("\n"));
        lines.extend(between(&old, &new).into_iter().map(|line| format!("{line}  (in {name})")));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The lines that only one of two texts has.
fn between(old: &str, new: &str) -> Vec<String> {
    let missing = old.lines().filter(|line| !new.lines().any(|other| other == *line));
    let added = new.lines().filter(|line| !old.lines().any(|other| other == *line));
    let mut lines: Vec<String> = missing.map(|line| format!("  - {line}")).collect();
    lines.extend(added.map(|line| format!("  + {line}")));
    if lines.is_empty() && old != new {
        lines.push("  the same lines in another order".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led(schema: &str, documents: &[(&str, &[&str])]) -> Led {
        let documents = documents.iter().map(|(name, all)| {
            ((*name).to_owned(), all.iter().map(|one| (*one).to_owned()).collect())
        });
        Led {
            schema: schema.to_owned(),
            operations: Vec::new(),
            documents: documents.collect(),
            others: BTreeMap::new(),
            unwritable: Vec::new(),
        }
    }

    #[test]
    fn each_difference_is_a_line() {
        let old = led("collection a\n  index x", &[("c", &["1", "2"])]);
        assert_eq!(difference(&old, &led("collection a\n  index x", &[("c", &["1", "2"])])), None);
        let other = led("collection a", &[("c", &["1", "3"])]);
        let text = difference(&old, &other).unwrap();
        assert_eq!(text, "  -   index x\n  - 2  (in c)\n  + 3  (in c)");
        assert!(difference(&old, &led("  index x\ncollection a", &[])).is_some());
    }
}
