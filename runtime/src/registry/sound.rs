//! What no two migrations may share: versions, names, and functions that roll back.

use std::collections::HashMap;

use super::{
    fingerprints,
    migration::{Functions, Migration},
    seen::Seen,
};

/// Whether no two migrations share their version or their name, as far as fingerprints tell. If this
/// is `false`, the list is checked in full. `sorted`: in the order of versions.
pub(super) fn is_unique<'a>(sorted: impl Iterator<Item = Seen<'a>> + Clone) -> bool {
    let about = sorted.size_hint().1.unwrap_or(0);
    sorted.clone().map(Seen::version).is_sorted_by(|first, next| first < next)
        && fingerprints::differ(sorted.map(Seen::name_bytes), about)
}

/// Whether every rollback function belongs to one migration, and is no migration itself, as far as
/// fingerprints tell.
pub(super) fn has_own_rollbacks<'a>(all: impl Iterator<Item = Seen<'a>> + Clone) -> bool {
    if !all.clone().any(Seen::is_reversible) {
        return true;
    }
    let about = 2 * all.size_hint().1.unwrap_or(0);
    let functions = all.filter_map(Seen::functions);
    let types = functions.flat_map(|Functions { up, down }| [Some(up), down]).flatten();
    fingerprints::differ(types, about)
}

/// Names the migrations of a group whose rollback is not a function of their own. `all`: the
/// migrations of every group, in any order.
pub(super) fn rolled_back_wrongly(all: &[Migration], group: &str) -> Vec<String> {
    let functions = |migration: &Migration| migration.code.and_then(|code| code().functions);
    let mut sorted: Vec<(&Migration, Functions)> =
        all.iter().filter_map(|migration| Some((migration, functions(migration)?))).collect();
    sorted.sort_by_key(|(migration, _)| (migration.group(), migration.version()));
    let mut problems = Vec::new();
    let (mut by_up, mut by_down) = (HashMap::new(), HashMap::new());
    for (migration, functions) in &sorted {
        by_up.entry(functions.up).or_insert(*migration);
    }
    for (migration, Functions { up, down }) in &sorted {
        let Some(down) = down else { continue };
        let first = *by_down.entry(*down).or_insert(*migration);
        let mut complain = |other: &Migration, text: String| {
            if migration.group() == group || other.group() == group {
                problems.push(text);
            }
        };
        if down == up {
            complain(
                migration,
                format!(
                    "{} is its own rollback: `down` would apply it again; write a function that undoes \
                 it, and name that one: `reversible = …`",
                    migration.shown()
                ),
            );
            continue;
        }
        if let Some(other) = by_up.get(down) {
            complain(
                other,
                format!(
                    "{} is rolled back by the migration {}: `down` would apply that one once more; \
                 write a function that undoes it, and name that one: `reversible = …`",
                    migration.shown(),
                    other.shown()
                ),
            );
        }
        if !std::ptr::eq(first, *migration) {
            complain(
                first,
                format!(
                    "{} and {} are rolled back by one and the same function, which can undo only one \
                 of them: write a rollback for each; what they share goes into a function that \
                 both call",
                    first.shown(),
                    migration.shown()
                ),
            );
        }
    }
    problems
}

/// Names the migrations that share a version or a name. `sorted`: in the order of versions.
pub(super) fn used_twice<'a>(sorted: impl Iterator<Item = &'a Migration>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut by_name: HashMap<&str, &Migration> = HashMap::new();
    let mut before: Option<&Migration> = None;
    for migration in sorted {
        let former = before.replace(migration);
        if let Some(first) = former.filter(|first| first.version() == migration.version()) {
            problems.push(format!(
                "version {} is declared twice, by `{}` ({}) and `{}` ({}); change the later \
                 one, and see that no database has applied it yet",
                migration.version(),
                first.name(),
                first.source(),
                migration.name(),
                migration.source()
            ));
        } else if let Some(first) = by_name.insert(migration.name(), migration) {
            problems.push(format!(
                "the name `{}` is used twice, by {} ({}) and {} ({}); rename the later one",
                migration.name(),
                first.version(),
                first.source(),
                migration.version(),
                migration.source()
            ));
        }
    }
    problems
}
