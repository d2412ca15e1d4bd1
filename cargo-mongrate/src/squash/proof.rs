//! What migrations lead to, as the app says, and whether two answers are the same.

use std::{collections::BTreeMap, ffi::OsString};

use mongrate_seal::nearest;
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
    /// The collections that there are.
    #[serde(default)]
    pub(super) collections: Vec<String>,
}

impl Led {
    /// Whether all that was asked for is there, and can be written as code. `data`: the collections whose
    /// documents were asked for.
    pub(super) fn is_usable(&self, data: &[String]) -> Result<(), String> {
        let is_missing =
            |name: &&String| !self.collections.is_empty() && !self.collections.contains(name);
        let missing: Vec<String> = data
            .iter()
            .filter(is_missing)
            .map(|name| {
                let meant = nearest(name, self.collections.iter().map(String::as_str));
                let meant =
                    meant.map_or_else(String::new, |meant| format!(": did you mean `{meant}`?"));
                format!("`--data {name}`: the migrations make no such collection{meant}")
            })
            .collect();
        if !missing.is_empty() {
            let there: Vec<String> =
                self.collections.iter().map(|name| format!("`{name}`")).collect();
            return Err(format!("{}\nthere are: {}", missing.join("\n"), there.join(", ")));
        }
        if self.unwritable.is_empty() {
            return Ok(());
        }
        Err(format!("this cannot be written as code:\n  {}", self.unwritable.join("\n  ")))
    }
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
            collections: Vec::new(),
        }
    }

    #[test]
    fn a_collection_that_is_not_there_is_guessed() {
        let mut all = led("", &[]);
        assert_eq!(
            all.is_usable(&["countires".to_owned()]),
            Ok(()),
            "it is not said what there is"
        );
        all.collections = vec!["countries".to_owned(), "users".to_owned()];
        assert_eq!(all.is_usable(&["countries".to_owned()]), Ok(()));
        assert_eq!(
            all.is_usable(&["countires".to_owned()]).unwrap_err(),
            "`--data countires`: the migrations make no such collection: did you mean `countries`?\n\
             there are: `countries`, `users`"
        );
        all.unwritable = vec!["`users`: odd".to_owned()];
        assert_eq!(
            all.is_usable(&[]).unwrap_err(),
            "this cannot be written as code:\n  `users`: odd"
        );
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
