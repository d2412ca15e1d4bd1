//! What a squash means for a history. Pure.

use mongrate_seal::Applied;

use crate::{
    model::{error::Error, version::Version},
    protocol::{history::History, record::Record},
    registry::{list::Registry, migration::Migration, squash::Squash},
};

/// Where a history stands between a squash and what the squash stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing of either is in the database: the squash runs.
    New,
    /// The squash is recorded.
    Done,
    /// All that it stands for is applied: it is recorded, and not run.
    Whole,
    /// Something of what it stands for is in the database, and not all.
    Part,
}

/// When it is recorded that a squash stands for what is applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stands {
    pub squash: Squash,
    /// After the steps, which apply the rest of it; otherwise before them.
    pub after_steps: bool,
}

/// Whether a record is that of another migration than the linked one of its number, because one of
/// the two is a squash that has taken the number of the last migration that it stands for.
pub(crate) fn is_of_the_other(record: &Record, linked: &Migration) -> bool {
    record.name != linked.name() && (linked.is_squash() || record.replaces.is_some())
}

pub(crate) fn standing(squash: &Squash, history: &History) -> Standing {
    let own = history.get(squash.migration.version());
    let own = own.filter(|record| record.name == squash.migration.name());
    if own.is_some_and(Record::is_applied) {
        return Standing::Done;
    }
    let mut in_force = replaced(squash, history).filter(|record| record.is_in_force()).peekable();
    if in_force.peek().is_none() {
        return Standing::New;
    }
    let all: Vec<&Record> = in_force.collect();
    let applied = all.iter().map(|record| (record.version.get(), record.checksum.as_str()));
    let is_whole = all.iter().all(|record| record.is_applied());
    match is_whole && Applied::of(applied) == squash.replaces.applied {
        true => Standing::Whole,
        false => Standing::Part,
    }
}

/// The squash that the next run records as standing for what is applied, and for how many it stands.
pub(crate) fn unrecorded<'a>(
    registry: &'a Registry,
    history: &History,
) -> Option<(&'a Squash, usize)> {
    let squash = registry.squash()?;
    let is_whole = standing(squash, history) == Standing::Whole;
    is_whole.then(|| (squash, replaced(squash, history).filter(|one| one.is_in_force()).count()))
}

/// The records of what it stands for.
fn replaced<'a>(squash: &'a Squash, history: &'a History) -> impl Iterator<Item = &'a Record> {
    let is_own = |record: &Record| {
        record.version == squash.migration.version() && record.name == squash.migration.name()
    };
    history.records().filter(move |record| squash.reaches(record.version) && !is_own(record))
}

/// Whether a migration is left to a squash, or a squash to what it stands for.
pub(crate) fn leaves_out(registry: &Registry, history: &History) -> impl Fn(&Migration) -> bool {
    let found = registry.squash().map(|squash| (*squash, standing(squash, history)));
    move |migration| match &found {
        Some((squash, standing)) if squash.covers(migration.version()) => {
            *standing != Standing::Part
        }
        Some((squash, standing)) if squash.migration.version() == migration.version() => {
            *standing != Standing::New
        }
        _ => false,
    }
}

/// Whether the run records that the squash stands for what is applied. `to`: how far `up` goes;
/// `chosen`: what it applies.
pub(super) fn stands(
    registry: &Registry,
    history: &History,
    to: Option<Version>,
    chosen: &[Migration],
) -> Result<Option<Stands>, Error> {
    let Some(squash) = registry.squash() else { return Ok(None) };
    let reaches = to.is_none_or(|to| to >= squash.migration.version());
    let stands = |after_steps| Some(Stands { squash: *squash, after_steps }).filter(|_| reaches);
    match standing(squash, history) {
        Standing::New | Standing::Done => Ok(None),
        Standing::Whole => Ok(stands(false)),
        Standing::Part => {
            let is_linked = |record: &Record| {
                registry.get(record.version).is_some_and(|linked| linked.name() == record.name)
            };
            let strange = replaced(squash, history).any(|one| one.is_in_force() && !is_linked(one));
            let mut rest =
                registry.versioned().filter(|one| squash.covers(one.version())).peekable();
            if strange || rest.peek().is_none() {
                return Err(refused(squash, history));
            }
            let is_applied = |version: Version| {
                history.get(version).is_some_and(Record::is_applied)
                    || chosen.iter().any(|one| one.version() == version)
            };
            Ok(if rest.all(|one| is_applied(one.version())) { stands(true) } else { None })
        }
    }
}

fn refused(squash: &Squash, history: &History) -> Error {
    let applied = replaced(squash, history).filter(|record| record.is_applied()).count();
    Error::Squashed {
        squash: squash.migration.named(),
        to: Version::new(squash.replaces.to),
        count: usize::try_from(squash.replaces.applied.count).unwrap_or(usize::MAX),
        applied,
    }
}
