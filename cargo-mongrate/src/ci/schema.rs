//! schema.snap: what changed since the base, and whether it is what the migrations lead to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use super::base::Base;
use crate::{
    finding::{Finding, Severity, rules},
    package::Package,
};

/// The most lines of a difference that a text shows; it counts the rest.
const SHOWN_MAX: usize = 12;

/// Where the file is, or would be.
pub(super) fn path(package: &Package) -> PathBuf {
    package.directory.join("schema.snap")
}

/// A note for each collection that the file now has otherwise than at the base.
pub(super) fn changed(package: &Package, base: &Base<'_>, is_explained: bool) -> Vec<Finding> {
    if base.commits().is_empty() {
        return Vec::new();
    }
    let path = path(package);
    let before = base.text(&path).unwrap_or_default().replace("\r\n", "\n");
    let now = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    if before == now {
        return Vec::new();
    }
    let severity = if is_explained { Severity::Note } else { Severity::Warning };
    let mut found = Vec::new();
    for Change { name, line, lines } in changes(&before, &now) {
        let mut text = format!("the schema of {name} changes:\n{}", shown(&lines));
        if !is_explained {
            text += "\nno migration is new: either one is missing, or the file was out of date";
        }
        let finding = Finding::new(&rules::SCHEMA_CHANGED, severity, text);
        found.push(match line {
            Some(line) => finding.at(&path, line),
            None => finding.within(&path),
        });
    }
    found
}

/// The error that the file is not what the migrations lead to.
pub(super) fn stale(package: &Package, leads_to: &str) -> Option<Finding> {
    let path = path(package);
    let now = fs::read_to_string(&path).ok()?.replace("\r\n", "\n");
    if now.trim_end() == leads_to.trim_end() {
        return None;
    }
    let lines: Vec<String> = changes(&now, leads_to)
        .into_iter()
        .flat_map(|change| {
            let head = format!("{}:", change.name);
            std::iter::once(head).chain(change.lines.into_iter().map(|line| format!("  {line}")))
        })
        .collect();
    let text = format!(
        "schema.snap is not what the migrations of this build lead to in an empty database (`-` is in the \
         file, `+` is what they lead to):\n{}",
        shown(&lines)
    );
    let finding = Finding::error(&rules::SCHEMA_STALE, text);
    Some(finding.next(&*rules::SCHEMA_STALE.next).within(&path))
}

/// What differs in one collection.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    /// `collection users`
    name: String,
    /// Its line in the new text.
    line: Option<usize>,
    /// `- old`, `+ new`
    lines: Vec<String>,
}

/// The blocks of a schema by their first line, with the number of that line.
fn blocks(text: &str) -> BTreeMap<&str, (usize, Vec<&str>)> {
    let mut blocks: BTreeMap<&str, (usize, Vec<&str>)> = BTreeMap::new();
    let mut current = None;
    for (at, line) in text.lines().enumerate() {
        if line.is_empty() {
            continue;
        }
        if !line.starts_with(' ') {
            current = Some(line);
            blocks.entry(line).or_insert((at + 1, Vec::new()));
        } else if let Some((_, lines)) = current.and_then(|name| blocks.get_mut(name)) {
            lines.push(line);
        }
    }
    blocks
}

fn changes(before: &str, now: &str) -> Vec<Change> {
    let (before, now) = (blocks(before), blocks(now));
    let names: BTreeSet<&str> = before.keys().chain(now.keys()).copied().collect();
    let mut changes = Vec::new();
    for name in names {
        let (old, new) = (before.get(name), now.get(name));
        let of = |block: Option<&(usize, Vec<&'_ str>)>| -> Vec<String> {
            block
                .map(|(_, lines)| lines.iter().map(|it| (*it).to_owned()).collect())
                .unwrap_or_default()
        };
        let (old_lines, new_lines) = (of(old), of(new));
        if old.is_some() && new.is_some() && old_lines == new_lines {
            continue;
        }
        let mut lines: Vec<String> = Vec::new();
        if new.is_none() {
            lines.push("- the whole of it".to_owned());
        } else if old.is_none() {
            lines.push("+ it is new".to_owned());
        }
        let gone = old_lines.iter().filter(|line| !new_lines.contains(line) && new.is_some());
        lines.extend(gone.map(|line| format!("- {}", line.trim_start())));
        let added = new_lines.iter().filter(|line| !old_lines.contains(line));
        lines.extend(added.map(|line| format!("+ {}", line.trim_start())));
        if lines.is_empty() {
            lines.push("the same lines in another order".to_owned());
        }
        changes.push(Change { name: name.to_owned(), line: new.map(|(line, _)| *line), lines });
    }
    changes
}

fn shown(lines: &[String]) -> String {
    let mut all: Vec<String> = lines.iter().take(SHOWN_MAX).cloned().collect();
    match lines.len().saturating_sub(SHOWN_MAX) {
        0 => {}
        more => all.push(format!("… and {more} more lines")),
    }
    all.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_collection_that_differs_is_a_change() {
        let before =
            "collection a\n  index x { \"x\": 1 }\n\ncollection b\n\ncollection c\n  capped true\n";
        let now =
            "collection a\n  index y { \"y\": 1 }\n\ncollection c\n  capped true\n\ncollection d\n";
        let found = changes(before, now);
        let shown: Vec<(&str, Option<usize>, String)> = found
            .iter()
            .map(|change| (change.name.as_str(), change.line, change.lines.join("; ")))
            .collect();
        assert_eq!(
            shown,
            [
                (
                    "collection a",
                    Some(1),
                    "- index x { \"x\": 1 }; + index y { \"y\": 1 }".to_owned()
                ),
                ("collection b", None, "- the whole of it".to_owned()),
                ("collection d", Some(7), "+ it is new".to_owned()),
            ]
        );
        assert_eq!(changes(now, now), []);
    }
}
