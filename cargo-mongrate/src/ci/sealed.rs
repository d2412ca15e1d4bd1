//! The sealed history, compared with that of the base: what is new, what is not sealed, what was sealed anew.

use mongrate_seal::{
    sources::Written,
    sum::{self, Sealed},
};

use super::base::Base;
use crate::{
    finding::{Finding, Place, Severity, Touched, rules},
    rebase::theirs::TheirMigrations,
    state::PackageState,
};

/// Migrations without a line in the sum file.
pub(super) fn unsealed(states: &[PackageState<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    for state in states {
        let path = state.package.directory.join(sum::FILE);
        if !path.is_file() {
            if !state.sources.migrations.is_empty() {
                let text = format!(
                    "package `{}` has migrations and no migrations.sum, so an edit of what is deployed is \
                     not seen",
                    state.package.name
                );
                let finding = Finding::new(&rules::NO_SUM, Severity::Warning, text);
                found.push(finding.next(&*rules::NO_SUM.next).within(&state.package.manifest));
            }
            continue;
        }
        for migration in state.sources.migrations.iter().filter(|it| state.is_new(it)) {
            let text = format!(
                "{} `{}` has no line in migrations.sum, so an edit of it is not seen",
                migration.version, migration.name
            );
            let finding = Finding::error(&rules::NOT_SEALED, text).next(&*rules::NOT_SEALED.next);
            found.push(finding.at(&migration.file, migration.line));
        }
    }
    found
}

/// What the base has sealed, and is sealed otherwise now. A database may have applied it.
pub(super) fn rewritten(state: &PackageState<'_>, base: &Base<'_>) -> Vec<Finding> {
    let declared = &state.sources.migrations;
    let theirs = TheirMigrations::read(base.git(), base.commits(), state.package, declared);
    // A sum file that was broken there is no measure.
    let Ok(theirs) = theirs else { return Vec::new() };
    let is_squashed = |group: &str| {
        declared.iter().any(|it| it.group == group && it.replaces.is_some() && !theirs.has(it))
    };
    let mut found = Vec::new();
    for before in &theirs.sealed {
        let now = state.sum.get(&before.group, before.version);
        let what = match now {
            None if is_squashed(&before.group) => continue,
            None => "its line in migrations.sum is gone",
            Some(now) if differs(before, now) => "it is sealed anew with other contents",
            Some(_) => continue,
        };
        let text = format!(
            "{} is sealed on the base branch, so a database may have applied it, and {what}: such a database \
             is refused, or is another than new ones",
            before.shown()
        );
        let finding = Finding::error(&rules::RESEALED, text).next(&*rules::RESEALED.next);
        let migration =
            declared.iter().find(|it| it.group == before.group && it.version == before.version);
        found.push(match migration {
            Some(migration) => finding.at(&migration.file, migration.line),
            None => finding.within(&state.package.directory.join(sum::FILE)),
        });
    }
    found
}

fn differs(before: &Sealed, now: &Sealed) -> bool {
    let Sealed { group: _, version: _, name, checksum, rollback, uses: _ } = before;
    // A line of an older version may lack the rollback; to add it is no edit.
    let rollback_differs = rollback.is_some() && *rollback != now.rollback;
    *name != now.name || *checksum != now.checksum || rollback_differs
}

/// The migrations that the base does not have.
pub(super) fn new(state: &PackageState<'_>, base: &Base<'_>) -> Vec<Touched> {
    let declared = &state.sources.migrations;
    let theirs = TheirMigrations::read(base.git(), base.commits(), state.package, declared);
    let theirs = theirs.unwrap_or_default();
    let is_new = |migration: &&Written| match theirs.is_known() {
        true => !theirs.has(migration),
        false => state.is_new(migration),
    };
    let mut new: Vec<Touched> = declared
        .iter()
        .filter(is_new)
        .map(|migration| Touched {
            version: migration.version,
            name: migration.name.clone(),
            place: Some(Place::new(&migration.file, Some(migration.line))),
            is_reversible: migration.rollback.is_some(),
            ..Touched::default()
        })
        .collect();
    new.sort_by_key(|migration| migration.version);
    new
}
