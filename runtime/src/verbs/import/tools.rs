//! Reads the histories of other tools as they store them. Pure: documents in, entries out.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mongodb::bson::{Bson, Document};

use super::entry::Entry;
use crate::{model::tool::Tool, mongo::reply::number};

/// The migrations that a tool has applied, oldest first; or what is wrong with its history.
pub(super) fn entries(tool: Tool, found: &[Document]) -> Result<Vec<Entry>, Vec<String>> {
    match tool {
        Tool::MigrateMongo => each(found, |one| {
            let name = text(one, "fileName", "it has no `fileName`, as migrate-mongo's have")?;
            Ok(Some(entry(name, one.get("appliedAt"))))
        }),
        Tool::Mongock => mongock(found),
        Tool::GolangMigrate => golang(found),
        Tool::MongodbMigrator => each(found, |one| {
            let name = text(one, "_id", "its `_id` is no name, as mongodb-migrator's are")?;
            match one.get_str("status") {
                Ok("Success") => Ok(Some(entry(name, one.get("end_date")))),
                // That tool would run it again, too.
                Ok("Fail") => Ok(None),
                Ok("InProgress") => Err(format!(
                    "`{name}` is `InProgress`: let mongodb-migrator finish it first, or correct \
                     its record"
                )),
                _ => Err(format!("`{name}` has no `status` that mongodb-migrator knows")),
            }
        }),
    }
}

/// Reads at most one entry from each document; returns all problems at once.
fn each(
    found: &[Document],
    read: impl Fn(&Document) -> Result<Option<Entry>, String>,
) -> Result<Vec<Entry>, Vec<String>> {
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    for one in found {
        match read(one) {
            Ok(entry) => entries.extend(entry),
            Err(problem) => {
                let id = one.get("_id").map_or_else(String::new, Bson::to_string);
                problems.push(format!("document {id}: {problem}"));
            }
        }
    }
    entries.sort_by(|one, other| (one.applied_at, &one.name).cmp(&(other.applied_at, &other.name)));
    if problems.is_empty() { Ok(entries) } else { Err(problems) }
}

/// Mongock stores a document per execution; the last execution of a change counts.
fn mongock(found: &[Document]) -> Result<Vec<Entry>, Vec<String>> {
    let mut last: BTreeMap<String, (Option<DateTime<Utc>>, &Document)> = BTreeMap::new();
    let mut problems = Vec::new();
    for one in found {
        // Mongock's own bookkeeping, and steps before a change, are not changes.
        let is_own = one.get_bool("systemChange").unwrap_or(false)
            || one.get_str("type").is_ok_and(|kind| kind == "BEFORE_EXECUTION")
            // A change that was seen again, and was not run again.
            || one.get_str("state").is_ok_and(|state| state == "IGNORED");
        if is_own {
            continue;
        }
        match text(one, "changeId", "it has no `changeId`, as Mongock's have") {
            Ok(id) => {
                let at = time(one.get("timestamp"));
                if last.get(id).is_none_or(|(before, _)| *before <= at) {
                    last.insert(id.to_owned(), (at, one));
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    let mut entries = Vec::new();
    for (id, (at, one)) in last {
        match one.get_str("state") {
            // Old versions of Mongock write no state: every change that they record was executed.
            Ok("EXECUTED") | Err(_) => {
                entries.push(Entry { name: id, up_to: None, applied_at: at });
            }
            Ok("ROLLED_BACK") => {}
            Ok(state) => problems.push(format!(
                "`{id}` is `{state}`: let Mongock finish it or roll it back first, or correct its \
                 record"
            )),
        }
    }
    entries.sort_by_key(|entry| entry.applied_at);
    if problems.is_empty() { Ok(entries) } else { Err(problems) }
}

/// golang-migrate stores one document: the last version, and whether it is half-done.
fn golang(found: &[Document]) -> Result<Vec<Entry>, Vec<String>> {
    let [one] = found else {
        return Err(vec![format!(
            "it holds {} documents, and golang-migrate's holds one",
            found.len()
        )]);
    };
    let Some(version) = number(one, "version") else {
        return Err(vec!["its document has no `version`, as golang-migrate's has".to_owned()]);
    };
    if one.get_bool("dirty").unwrap_or(false) {
        return Err(vec![format!(
            "version {version} is `dirty`, that is half-done: fix the database first, and run \
             `migrate force`"
        )]);
    }
    // -1: everything was rolled back.
    let entry = Entry { name: version.to_string(), up_to: Some(version), applied_at: None };
    Ok(if version > 0 { vec![entry] } else { Vec::new() })
}

fn entry(name: &str, applied_at: Option<&Bson>) -> Entry {
    Entry { name: name.to_owned(), up_to: None, applied_at: time(applied_at) }
}

pub(crate) fn text<'a>(one: &'a Document, key: &str, problem: &str) -> Result<&'a str, String> {
    one.get_str(key).map_err(|_| problem.to_owned())
}

/// A date, or a date as text.
fn time(value: Option<&Bson>) -> Option<DateTime<Utc>> {
    match value? {
        Bson::DateTime(at) => DateTime::from_timestamp_millis(at.timestamp_millis()),
        Bson::String(text) => DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{DateTime as Date, doc};

    use super::*;

    fn names(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.name.as_str()).collect()
    }

    #[test]
    fn the_last_execution_of_mongock_counts() {
        let one = |id: &str, state: &str, at: i64| {
            doc! {
                "executionId": "e", "changeId": id, "author": "anna", "state": state,
                "type": "EXECUTION", "timestamp": Date::from_millis(at), "systemChange": false,
            }
        };
        let mut own = one("system-change-00001", "EXECUTED", 0);
        own.insert("systemChange", true);
        let mut before = one("b_before", "EXECUTED", 1);
        before.insert("type", "BEFORE_EXECUTION");
        let all = [
            own,
            before,
            one("b", "EXECUTED", 3),
            one("a", "EXECUTED", 2),
            one("a", "IGNORED", 9),
            one("c", "EXECUTED", 4),
            one("c", "ROLLED_BACK", 5),
        ];
        assert_eq!(names(&entries(Tool::Mongock, &all).unwrap()), ["a", "b"]);
        let failed = [one("a", "EXECUTED", 1), one("a", "FAILED", 2)];
        let problems = entries(Tool::Mongock, &failed).unwrap_err();
        assert!(problems[0].contains("`a` is `FAILED`"), "{problems:?}");
    }

    #[test]
    fn what_is_half_done_in_golang_is_refused() {
        let found = entries(Tool::GolangMigrate, &[doc! { "version": 7_i64, "dirty": false }]);
        assert_eq!(found.unwrap()[0].up_to, Some(7));
        let dirty = entries(Tool::GolangMigrate, &[doc! { "version": 7_i64, "dirty": true }]);
        assert!(dirty.unwrap_err()[0].contains("migrate force"));
        let none = entries(Tool::GolangMigrate, &[doc! { "version": -1_i64, "dirty": false }]);
        assert!(none.unwrap().is_empty());
    }

    #[test]
    fn another_tools_documents_are_told_apart() {
        let other = [doc! { "_id": 1, "x": 1 }];
        for tool in Tool::ALL {
            assert!(entries(tool, &other).is_err(), "{tool}");
            assert_eq!(tool.as_str().parse::<Tool>(), Ok(tool));
        }
        assert!("flyway".parse::<Tool>().unwrap_err().contains("golang-migrate"));
    }
}
