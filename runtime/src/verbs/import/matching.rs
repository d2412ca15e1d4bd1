//! Finds the migration of each entry of another tool. Pure.

use std::collections::BTreeMap;

use mongrate_seal::label;

use super::entry::{Entry, Judged};
use crate::{model::version::Version, registry::migration::Migration};

/// The entries that match a migration, by version; and the entries that do not.
#[derive(Debug)]
pub(crate) struct Matched {
    pub matched: Vec<(Migration, Entry)>,
    pub rest: Judged,
}

/// Matches the entries with the linked migrations, or returns all problems at once.
pub(crate) fn judge(
    linked: &[Migration],
    entries: Vec<Entry>,
    mapping: &BTreeMap<String, Option<Version>>,
) -> Result<Matched, Vec<String>> {
    let mut matched: BTreeMap<Version, (Migration, Entry)> = BTreeMap::new();
    let (mut rest, mut problems) = (Judged::default(), Vec::new());
    for name in mapping.keys() {
        if !entries.iter().any(|entry| entry.name == *name) {
            problems
                .push(format!("the mapping names `{name}`, which the other tool has not applied"));
        }
    }
    for entry in entries {
        let found: Vec<Migration> = match (mapping.get(&entry.name), entry.up_to) {
            (Some(None), _) => {
                rest.left_out.push(entry.name);
                continue;
            }
            (Some(Some(version)), up_to) => {
                let migration = linked.iter().find(|migration| migration.version() == *version);
                let Some(migration) = migration else {
                    problems.push(format!(
                        "the mapping says that `{}` is {version}, and this build has no such \
                         migration",
                        entry.name
                    ));
                    continue;
                };
                match up_to {
                    None => vec![*migration],
                    Some(_) => before(linked, *version),
                }
            }
            (None, Some(last)) => before(linked, Version::new(last)),
            (None, None) => candidates(linked, &entry.name),
        };
        match (found.as_slice(), entry.up_to) {
            ([], _) => rest.unmatched.push(entry.name),
            ([first, second, ..], None) => problems.push(format!(
                "`{}` may be {} `{}`, by its number, or {} `{}`, by its name: say in a mapping \
                 which it is",
                entry.name,
                first.version(),
                first.name(),
                second.version(),
                second.name()
            )),
            _ => {
                for migration in found {
                    let taken = matched.insert(migration.version(), (migration, entry.clone()));
                    if let Some((_, other)) = taken {
                        problems.push(format!(
                            "`{}` and `{}` are both {} `{}`: say in a mapping which of them is \
                             none (null)",
                            other.name,
                            entry.name,
                            migration.version(),
                            migration.name()
                        ));
                    }
                }
            }
        }
    }
    let matched = matched.into_values().collect();
    if problems.is_empty() { Ok(Matched { matched, rest }) } else { Err(problems) }
}

fn before(linked: &[Migration], last: Version) -> Vec<Migration> {
    linked.iter().filter(|migration| migration.version() <= last).copied().collect()
}

/// The migrations that match the number at the beginning of the entry, or the name after it.
fn candidates(linked: &[Migration], entry: &str) -> Vec<Migration> {
    let (number, name) = split(entry);
    let by_number = |migration: &&Migration| number == Some(migration.version().get());
    let by_name = |migration: &&Migration| label(migration.name()) == name;
    let mut found: Vec<Migration> = Vec::new();
    if let Some(migration) = linked.iter().find(|migration| by_number(migration)) {
        found.push(*migration);
    }
    if let Some(migration) = linked.iter().find(|migration| by_name(migration))
        && found.iter().all(|found| found.version() != migration.version())
    {
        found.push(*migration);
    }
    found
}

/// `20240102-add-users.js` is 20240102 and `add_users`; `app::AddUsers` is only `add_users`.
fn split(entry: &str) -> (Option<i64>, String) {
    let last = entry.rsplit("::").next().unwrap_or(entry);
    let last = last.rsplit(['/', '\\']).next().unwrap_or(last);
    let stem = match last.rsplit_once('.') {
        Some((stem, "js" | "ts" | "cjs" | "mjs" | "json" | "sql" | "java" | "go" | "rs")) => stem,
        _ => last,
    };
    let stem = stem.strip_suffix(".up").unwrap_or(stem);
    let prefix = |c: char| c.is_ascii_digit();
    let bare = stem.strip_prefix(['m', 'M', 'v', 'V']).filter(|rest| rest.starts_with(prefix));
    let numbered = bare.unwrap_or(stem);
    let digits = numbered.len() - numbered.trim_start_matches(prefix).len();
    match numbered.split_at_checked(digits) {
        Some((digits, rest)) if !digits.is_empty() => (digits.parse().ok(), label(rest)),
        _ => (None, label(stem)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn one(version: i64, name: &'static str) -> Migration {
        Migration::transactional(version, name, |_| Box::pin(async { Ok(()) }))
    }

    const LINKED: [Migration; 3] =
        [one(1, "add_users"), one(20_240_102, "index_users"), one(20_240_103, "drop_names")];

    fn entry(name: &str) -> Entry {
        Entry { name: name.to_owned(), up_to: None, applied_at: None }
    }

    fn judged(
        names: &[&str],
        mapping: &[(&str, Option<i64>)],
    ) -> Result<(Vec<i64>, Vec<String>), Vec<String>> {
        let mapping = mapping
            .iter()
            .map(|(name, version)| ((*name).to_owned(), version.map(Version::new)))
            .collect();
        let matched = judge(&LINKED, names.iter().map(|name| entry(name)).collect(), &mapping)?;
        let versions = matched.matched.iter().map(|(one, _)| one.version().get()).collect();
        Ok((versions, matched.rest.unmatched))
    }

    #[test]
    fn names_are_recognised_as_tools_write_them() {
        for name in [
            "20160608155948-add-users.js",
            "add_users",
            "app::migrations::AddUsers",
            "AddUsers",
            "m0007_add_users.rs",
            "V3__add_users.java",
        ] {
            assert_eq!(judged(&[name], &[]), Ok((vec![1], vec![])), "{name}");
        }
        // By its number alone.
        assert_eq!(judged(&["20240103-other-words.js"], &[]), Ok((vec![20_240_103], vec![])));
    }

    #[test]
    fn what_matches_nothing_or_too_much_is_said() {
        let unmatched = Ok((vec![], vec!["20990101-x.js".to_owned()]));
        assert_eq!(judged(&["20990101-x.js"], &[]), unmatched);
        let problems = judged(&["20240102-add-users.js"], &[]).unwrap_err();
        assert!(problems[0].contains("may be 20240102 `index_users`, by its number, or 1"));
        let problems = judged(&["1-add-users.js", "add_users"], &[]).unwrap_err();
        assert!(problems[0].contains("are both 1 `add_users`"), "{problems:?}");
    }

    #[test]
    fn a_mapping_goes_before_names() {
        let name = "20240102-add-users.js";
        assert_eq!(judged(&[name], &[(name, Some(1))]), Ok((vec![1], vec![])));
        assert_eq!(judged(&[name], &[(name, None)]), Ok((vec![], vec![])));
        assert!(judged(&[name], &[(name, Some(9))]).unwrap_err()[0].contains("no such migration"));
        assert!(
            judged(&[], &[("gone", None)]).unwrap_err()[0].contains("the mapping names `gone`")
        );
    }

    #[test]
    fn a_last_version_means_all_up_to_it() {
        let last = Entry { up_to: Some(20_240_102), ..entry("20240102") };
        let matched = judge(&LINKED, vec![last], &BTreeMap::new()).unwrap();
        assert_eq!(matched.matched.len(), 2);
    }
}
