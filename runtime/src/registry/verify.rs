//! What `mongrate::verify!()` runs: the registry's checks of every group at once, and the policy
//! that is written in the macro.

use std::collections::BTreeSet;

use super::{
    entry::MIGRATIONS,
    list::{List, Registry},
    migration::Migration,
    models::{descriptor::MODELS, wanted::wanted},
    seal::{self, SUMS, SumFile},
};
use crate::model::{error::Error, kind::DEFAULT_GROUP};

/// Verifies the linked migrations, and the sum file of the package whose test this is.
/// `reversible`: every migration has a rollback, except the migrations that are named here.
///
/// # Panics
///
/// If there is a problem; the message lists all problems.
#[track_caller]
pub fn verify(own: Option<SumFile>, reversible: Option<&[&str]>) {
    let files: Vec<SumFile> = SUMS.iter().copied().chain(own).collect();
    let mut groups: BTreeSet<String> =
        MIGRATIONS.iter().map(|entry| entry.packed().group().to_owned()).collect();
    groups.extend(seal::groups(&files));
    if groups.is_empty() {
        groups.insert(DEFAULT_GROUP.to_owned());
    }
    let mut problems = Vec::new();
    for group in groups {
        if let Err(Error::Registry { problems: found }) =
            Registry::new(List::Linked(&MIGRATIONS), &group, Some(&files))
        {
            problems.extend(
                found.into_iter().filter(|problem| !problems.contains(problem)).collect::<Vec<_>>(),
            );
        }
    }
    if let Err(Error::Registry { problems: found }) = wanted(MODELS.iter()) {
        problems.extend(found);
    }
    if let Some(except) = reversible {
        problems.extend(without_rollback(&Migration::linked(), except));
    }
    assert!(problems.is_empty(), "{}", Error::Registry { problems });
}

/// Names the migrations that have no rollback and are not excepted, and the exceptions that are
/// wrong.
fn without_rollback(all: &[Migration], except: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut sorted: Vec<&Migration> = all.iter().collect();
    sorted.sort_by_key(|migration| (migration.group(), migration.version()));
    // These two kinds cannot have one.
    let can_have = |migration: &&&Migration| !migration.is_repeatable() && !migration.is_squash();
    let irreversible = sorted.iter().filter(|migration| !migration.is_reversible());
    for migration in irreversible.filter(can_have) {
        let called = called(migration);
        if !except.contains(&&*called) {
            problems.push(format!(
                "{} `{}` ({}) has no rollback, and `verify!(reversible)` wants one: write it and \
                 name it, `reversible = …`, or except it: `verify!(reversible, except = [{}])`",
                migration.version(),
                migration.name(),
                migration.source(),
                [except, &[&called]].concat().join(", "),
            ));
        }
    }
    for name in except {
        match sorted.iter().find(|migration| called(migration) == **name) {
            None => problems.push(format!(
                "`verify!(reversible, except = …)` names `{name}`, and no migration that is linked \
                 has this name: take it out, or write the new name"
            )),
            Some(migration) if migration.is_reversible() => problems.push(format!(
                "`verify!(reversible, except = …)` names `{name}`, which has a rollback now ({}): \
                 take it out",
                migration.source()
            )),
            Some(_) => {}
        }
    }
    problems
}

/// The name of a migration as an exception writes it.
fn called(migration: &Migration) -> String {
    match migration.group() {
        DEFAULT_GROUP => migration.name().to_owned(),
        group => format!("{group}::{}", migration.name()),
    }
}

#[cfg(test)]
mod tests {
    //! The policy.

    use super::*;

    const KEEPS: Migration = Migration::transactional(1, "keeps", |_| Box::pin(async { Ok(()) }));
    const UNDOES: Migration = Migration::transactional(2, "undoes", |_| Box::pin(async { Ok(()) }))
        .reversible_by(|_| Box::pin(async { Ok(()) }));

    #[test]
    fn what_has_no_rollback_is_named_with_both_ways_out() {
        let found = without_rollback(&[UNDOES, KEEPS], &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("1 `keeps` ("), "{found:?}");
        assert!(found[0].ends_with("`verify!(reversible, except = [keeps])`"), "{found:?}");
        assert!(found[0].contains("name it, `reversible = …`"), "{found:?}");
    }

    #[test]
    fn what_cannot_have_one_is_not_asked_for_one() {
        let repeatable = Migration::repeatable("view", |_| Box::pin(async { Ok(()) }));
        let squash = KEEPS.replacing("5:3:0");
        assert_eq!(without_rollback(&[repeatable, squash], &[]), [""; 0]);
    }

    #[test]
    fn exceptions_are_the_truth() {
        assert_eq!(without_rollback(&[UNDOES, KEEPS], &["keeps"]), [""; 0]);
        let found = without_rollback(&[UNDOES, KEEPS], &["keeps", "undoes", "nobody"]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("names `undoes`, which has a rollback now"), "{found:?}");
        assert!(found[1].contains("names `nobody`, and no migration"), "{found:?}");
    }
}
