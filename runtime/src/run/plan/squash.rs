//! What a squash means for a history. Pure.

use mongrate_seal::Applied;

use crate::{
    model::{error::Error, version::Version},
    protocol::{
        history::History,
        record::{Record, Stored},
    },
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

/// The squashes of which a run records that they stand for what is applied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stands {
    /// Before the steps: all that they stand for is applied.
    pub before: Vec<Squash>,
    /// After the steps, which apply the rest of it.
    pub after: Option<Squash>,
}

impl Stands {
    pub(crate) fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_none()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Squash> {
        self.before.iter().chain(&self.after)
    }

    /// The one that stands for most.
    pub(crate) fn newest(&self) -> Option<&Squash> {
        self.all().last()
    }
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

/// A database that is to pass through an older squash, of which the newest one is a squash: the older
/// ones that stand for what is applied, and the history as it is once that is recorded.
pub(super) fn passed_through(
    registry: &Registry,
    history: &History,
) -> Option<(Vec<Squash>, History)> {
    let newest = registry.squash()?;
    if standing(newest, history) != Standing::Part {
        return None;
    }
    let (mut passed, mut after) = (Vec::new(), history.clone());
    for older in registry.squashes().filter(|older| newest.covers(older.migration.version())) {
        if standing(&older, &after) == Standing::Whole {
            after = recorded(&older, &after);
            passed.push(older);
        }
    }
    (!passed.is_empty()).then_some((passed, after))
}

/// The history as it is once it is recorded that a squash stands for what is applied.
fn recorded(squash: &Squash, history: &History) -> History {
    let mut own = None;
    let mut records: Vec<Record> = Vec::new();
    for record in history.records() {
        let mut record = record.clone();
        if squash.reaches(record.version) && record.is_applied() {
            let to = Version::new(squash.replaces.to);
            own = Some(record.stood_for_by(&squash.migration.identity(), to));
            record.state = Stored::Replaced;
        }
        if record.version != squash.migration.version() {
            records.push(record);
        }
    }
    records.extend(own);
    History::new(records, history.backfills.clone())
}

/// Whether the run records that the squash stands for what is applied. `to`: how far `up` goes;
/// `chosen`: what it applies.
pub(super) fn stands(
    registry: &Registry,
    history: &History,
    to: Option<Version>,
    chosen: &[Migration],
) -> Result<Stands, Error> {
    let none = Stands::default();
    let Some(squash) = registry.squash() else { return Ok(none) };
    let reaches = to.is_none_or(|to| to >= squash.migration.version());
    let this = Some(*squash).filter(|_| reaches);
    match standing(squash, history) {
        Standing::New | Standing::Done => Ok(none),
        Standing::Whole => Ok(Stands { before: this.into_iter().collect(), ..none }),
        Standing::Part => {
            refuse_part(squash, registry, history)?;
            let mut rest = registry.versioned().filter(|one| squash.covers(one.version()));
            let is_applied = |version: Version| {
                history.get(version).is_some_and(Record::is_applied)
                    || chosen.iter().any(|one| one.version() == version)
            };
            let is_whole_then = rest.all(|one| is_applied(one.version()));
            Ok(Stands { after: this.filter(|_| is_whole_then), ..none })
        }
    }
}

/// Refuses a history with a part of what a squash stands for, if this build cannot finish it: the old
/// migrations are gone, or others than those are there.
pub(super) fn refuse_part(
    squash: &Squash,
    registry: &Registry,
    history: &History,
) -> Result<(), Error> {
    let is_linked = |record: &Record| {
        registry.get(record.version).is_some_and(|linked| linked.name() == record.name)
    };
    let strange = replaced(squash, history).any(|one| one.is_in_force() && !is_linked(one));
    let has_rest = registry.versioned().any(|one| squash.covers(one.version()));
    if strange || !has_rest { Err(refused(squash, history)) } else { Ok(()) }
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
