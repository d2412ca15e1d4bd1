//! Pure: registry, history and target in; ordered steps or a refusal out.
//!
//! Reads no clock and knows no driver.

pub(super) mod alone;
pub(crate) mod back;
pub(crate) mod baseline;
pub(crate) mod squash;

use self::squash::Stands;
use crate::{
    kinds::change::turn::{HalfWay, half_way},
    model::{
        config::{DatabaseAhead, OutOfOrder},
        error::Error,
        kind::MigrationKind,
        named::{Drift, Named, Renamed},
        state::Direction,
        version::Version,
    },
    protocol::{
        history::History,
        record::{Record, Stored},
    },
    registry::{list::Registry, migration::Migration},
    telemetry::progress::PlannedStep,
};

/// Which pending migrations `up` applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UpTarget {
    pub to: Option<Version>,
    pub steps: Option<usize>,
}

/// Which applied migrations `down` rolls back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DownTarget {
    Steps(usize),
    /// All migrations that are newer than this version.
    To(Version),
    /// The last batch.
    Batch,
    All,
    /// All that was applied after the last migration of this release.
    ToRelease(String),
    /// All that was applied after the state that this tag names.
    ToTag(String),
    /// One migration, wherever it is. `independent`: later ones that do not depend on it, by the word of
    /// the user.
    Only {
        version: Version,
        independent: Vec<Version>,
    },
}

/// The goal of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    Up(UpTarget),
    Down(DownTarget),
    /// Rolls back and applies again.
    Redo(DownTarget),
}

/// What the settings say about doubtful cases.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tolerances {
    pub out_of_order: OutOfOrder,
    pub ahead: DatabaseAhead,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub migration: Migration,
    pub direction: Direction,
    /// It was interrupted before, and resumes from its checkpoints.
    pub resumes: bool,
}

impl From<&Step> for PlannedStep {
    fn from(step: &Step) -> Self {
        let Step { migration, direction, .. } = step;
        Self { version: migration.version(), name: migration.name(), direction: *direction }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub steps: Vec<Step>,
    /// Migrations whose turn has come, and whose labels are not selected.
    pub skipped: Vec<Migration>,
    /// What a squash stands for is applied, or will be: that is recorded.
    pub stands: Stands,
    /// Applied migrations that this build does not have.
    pub ahead: Vec<Named>,
    /// What a rollback leaves pending although newer ones stay applied.
    pub late: Vec<Named>,
}

impl Plan {
    /// Whether nothing is to be run, and nothing to be recorded.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.stands.is_empty()
    }
}

pub(crate) fn plan(
    goal: &Goal,
    registry: &Registry,
    history: &History,
    tolerances: Tolerances,
) -> Result<Plan, Error> {
    refuse_renamed(registry, history)?;
    match goal {
        Goal::Up(target) => up(*target, registry, history, tolerances),
        Goal::Down(target) => down(target, registry, history, tolerances),
        Goal::Redo(target) => redo(target, registry, history, tolerances),
    }
}

fn up(
    target: UpTarget,
    registry: &Registry,
    history: &History,
    tolerances: Tolerances,
) -> Result<Plan, Error> {
    if let Some(version) = target.to
        && !registry.has_version(version)
    {
        return Err(Error::UnknownVersion { version });
    }
    let drift = drift(registry, history);
    if !drift.is_empty() {
        return Err(Error::Drift(drift));
    }
    let ahead = ahead(registry, history);
    if !ahead.is_empty() && tolerances.ahead == DatabaseAhead::Refuse {
        return Err(Error::Ahead { versions: ahead });
    }

    let passed = squash::passed_through(registry, history);
    let (passed, history) = match &passed {
        Some((passed, history)) => (passed.as_slice(), history),
        None => (&[][..], history),
    };
    let mut chosen: Vec<Migration> = pending_versions(registry, history)
        .filter(|migration| target.to.is_none_or(|to| migration.version() <= to))
        .take(target.steps.unwrap_or(usize::MAX))
        .copied()
        .collect();
    let skipped = skipped(registry, history, chosen.last());
    // What is repeatable relies on all versions, and an older build would only put its own back.
    if target == UpTarget::default() && ahead.is_empty() {
        chosen.extend(pending_repeatable(registry, history).copied());
    }
    let mut stands = squash::stands(registry, history, target.to, &chosen)?;
    stands.before.splice(..0, passed.iter().copied());
    if tolerances.out_of_order == OutOfOrder::Refuse {
        refuse_late(&chosen, history)?;
    }

    let mut steps = Vec::with_capacity(chosen.len());
    for migration in chosen {
        let record = history.get(migration.version());
        let interrupted = record.filter(|record| record.state == Stored::Running);
        // A rollback that failed is given up, where that is possible.
        let is_given_up = record
            .and_then(|record| half_way(migration.kind(), migration.declaration(), record))
            == Some(HalfWay::FailedRollback { can_go_forward: true });
        if is_given_up {
            steps.push(Step { migration, direction: Direction::Up, resumes: true });
            continue;
        }
        // A rollback that was interrupted is finished first: only then is the state of the
        // database known.
        if interrupted.is_some_and(|record| record.direction == Direction::Down) {
            steps.push(Step { migration, direction: Direction::Down, resumes: true });
        }
        let resumes = record.is_some_and(|record| {
            record.direction == Direction::Up
                && (record.state == Stored::Running || !record.steps.is_empty())
        });
        steps.push(Step { migration, direction: Direction::Up, resumes });
    }
    Ok(Plan { steps, skipped, stands, ahead, late: Vec::new() })
}

/// The migrations below `newest` that the labels leave out, and that are not recorded as such.
pub(crate) fn skipped(
    registry: &Registry,
    history: &History,
    newest: Option<&Migration>,
) -> Vec<Migration> {
    let Some(newest) = newest else { return Vec::new() };
    let is_open = |migration: &&Migration| match history.get(migration.version()) {
        None => true,
        Some(record) => matches!(record.state, Stored::Reverted | Stored::Cancelled),
    };
    registry
        .versioned()
        .filter(|migration| migration.version() < newest.version())
        .filter(|migration| !registry.applies(migration))
        .filter(is_open)
        .copied()
        .collect()
}

/// All that can be rolled back, newest application first: that is the order in which effects can be
/// undone.
pub(crate) fn undoable<'a>(registry: &Registry, history: &'a History) -> Vec<&'a Record> {
    let mut undoable: Vec<&Record> = history
        .records()
        .filter(|record| !record.version.is_repeatable())
        .filter(|record| {
            record.is_applied()
                || record.is_interrupted_rollback()
                || half_applied(registry, record).is_some()
        })
        .collect();
    // (What a baseline recorded together counts as applied in the order of versions. A squash that was
    // not run stands for what was applied first.)
    let place = |record: &&Record| {
        let sequence = if record.replaces.is_some() { 0 } else { record.sequence };
        std::cmp::Reverse((sequence, record.version))
    };
    undoable.sort_by_key(place);
    undoable
}

fn down(
    target: &DownTarget,
    registry: &Registry,
    history: &History,
    tolerances: Tolerances,
) -> Result<Plan, Error> {
    let undoable = undoable(registry, history);
    let chosen: Vec<&Record> = match target {
        DownTarget::Steps(count) => undoable.into_iter().take(*count).collect(),
        DownTarget::All => undoable,
        DownTarget::Batch => {
            let last = Some(history.last_batch());
            // A migration that stopped half-way has no batch yet: the last run began it. A squash that
            // stands was not run.
            let is_last = |record: &&Record| match record.batch {
                Some(batch) => Some(batch) == last && record.replaces.is_none(),
                None => half_applied(registry, record).is_some(),
            };
            undoable.into_iter().filter(is_last).collect()
        }
        DownTarget::To(version) => {
            if version.get() != 0
                && !registry.has_version(*version)
                && (version.is_repeatable() || history.get(*version).is_none())
            {
                return Err(Error::UnknownVersion { version: *version });
            }
            undoable.into_iter().filter(|record| record.version > *version).collect()
        }
        DownTarget::ToRelease(release) => back::to_release(release, &undoable)?,
        DownTarget::ToTag(name) => back::to_tag(name, history, &undoable)?,
        DownTarget::Only { version, independent } => {
            let found = alone::alone(*version, independent, registry, history, &undoable)?;
            found.into_iter().collect()
        }
    };

    let unknown: Vec<Named> = chosen
        .iter()
        .filter(|record| {
            registry
                .get(record.version)
                .is_none_or(|linked| squash::is_of_the_other(record, linked))
        })
        .map(|record| record.named())
        .collect();
    if !unknown.is_empty() {
        return Err(Error::NotLinked { versions: unknown });
    }
    if let Some(stuck) = chosen.iter().find(|record| half_applied(registry, record) == Some(false))
    {
        return Err(Error::WrongState {
            version: stuck.version,
            state: stuck.state.as_str(),
            hint: "it is half-done, and only a declared migration (`Change`) that has not turned \
                   round before can be undone from there; finish it with `up` and roll it back \
                   then, or undo by hand what it did and run `resolve --as pending`",
        });
    }
    refuse_beneath_half_done(&chosen, history)?;
    let irreversible: Vec<Named> = chosen
        .iter()
        .filter(|record| {
            registry.get(record.version).is_some_and(|migration| !migration.is_reversible())
        })
        .map(|record| record.named())
        .collect();
    if !irreversible.is_empty() {
        return Err(Error::Irreversible { versions: irreversible });
    }
    let late = match tolerances.out_of_order {
        OutOfOrder::Refuse => late_after(&chosen, registry, history),
        OutOfOrder::Allow => Vec::new(),
    };
    let steps = chosen
        .into_iter()
        .filter_map(|record| {
            let migration = *registry.get(record.version)?;
            let resumes = record.is_interrupted_rollback();
            Some(Step { migration, direction: Direction::Down, resumes })
        })
        .collect();
    let ahead = ahead(registry, history);
    Ok(Plan { steps, ahead, late, ..Plan::default() })
}

/// Those of the chosen ones that are older than what stays applied: an `up` refuses them as late.
fn late_after(chosen: &[&Record], registry: &Registry, history: &History) -> Vec<Named> {
    let is_chosen = |version| chosen.iter().any(|record| record.version == version);
    let newest = history
        .records()
        .filter(|record| record.is_applied() && !is_chosen(record.version))
        .map(|record| record.version)
        .max();
    let is_late = |record: &&&Record| {
        let is_wanted = |linked: &Migration| {
            !linked.is_out_of_order() && !has_labels(linked) && registry.applies(linked)
        };
        newest.is_some_and(|newest| record.version < newest)
            && registry.get(record.version).is_some_and(is_wanted)
    };
    chosen.iter().filter(is_late).map(|record| record.named()).collect()
}

/// Whether a migration that was begun and is not applied can be undone from where it stopped.
/// `None`: the record is of no such migration.
fn half_applied(registry: &Registry, record: &Record) -> Option<bool> {
    let Some(linked) = registry.get(record.version) else {
        return record.is_half_applied().then_some(true);
    };
    match half_way(linked.kind(), linked.declaration(), record)? {
        HalfWay::Up { can_go_back } => Some(can_go_back),
        HalfWay::FailedRollback { .. } | HalfWay::Rollback => None,
    }
}

fn redo(
    target: &DownTarget,
    registry: &Registry,
    history: &History,
    tolerances: Tolerances,
) -> Result<Plan, Error> {
    let mut plan = down(target, registry, history, tolerances)?;
    plan.late.clear();
    let again: Vec<Step> = plan
        .steps
        .iter()
        .map(|step| Step { direction: Direction::Up, resumes: false, ..*step })
        .collect();
    plan.steps.extend(again);
    Ok(plan)
}

/// What `up` would apply: the oldest version first, then what is repeatable.
pub(crate) fn pending<'a>(
    registry: &'a Registry,
    history: &'a History,
) -> impl Iterator<Item = &'a Migration> {
    let is_ahead = ahead_of(registry, history).next().is_some();
    let repeatable = pending_repeatable(registry, history).filter(move |_| !is_ahead);
    pending_versions(registry, history).chain(repeatable)
}

/// The versions that `up` would apply, oldest first.
pub(crate) fn pending_versions<'a>(
    registry: &'a Registry,
    history: &'a History,
) -> impl Iterator<Item = &'a Migration> {
    let leaves_out = squash::leaves_out(registry, history);
    let is_applied = move |migration: &Migration| {
        // (What is replaced is applied: a build without the squash sees it so.)
        let is_there = |record: &Record| record.is_applied() || record.state == Stored::Replaced;
        let record = history.get(migration.version());
        let record =
            record.filter(|record| !migration.is_squash() || record.name == migration.name());
        leaves_out(migration) || record.is_some_and(is_there)
    };
    registry
        .versioned()
        .filter(|migration| registry.applies(migration))
        .filter(move |migration| !is_applied(migration))
}

/// The repeatable migrations that did not run yet, or not with the body that they have now, by name.
fn pending_repeatable<'a>(
    registry: &'a Registry,
    history: &'a History,
) -> impl Iterator<Item = &'a Migration> {
    let mut pending: Vec<&Migration> = registry
        .repeatable()
        .filter(|migration| registry.applies(migration))
        .filter(|migration| {
            let record = history.get(migration.version()).filter(|record| record.is_applied());
            record.is_none_or(|record| record.checksum != migration.checksum())
        })
        .collect();
    pending.sort_by_key(|migration| migration.name());
    pending.into_iter()
}

/// Refuses a history that is another app's, or that knows a migration by another name.
pub(crate) fn refuse_renamed(registry: &Registry, history: &History) -> Result<(), Error> {
    let renamed = renamed(registry, history);
    if renamed.is_empty() { Ok(()) } else { Err(Error::Renamed(renamed)) }
}

/// Records in force whose name differs from this build's migration of the same version: they
/// belong to other migrations.
pub(crate) fn renamed(registry: &Registry, history: &History) -> Vec<Renamed> {
    history
        .records()
        .filter(|record| record.is_in_force())
        .filter_map(|record| {
            let linked = registry.get(record.version)?;
            let is_renamed =
                linked.name() != record.name && !squash::is_of_the_other(record, linked);
            is_renamed.then(|| Renamed {
                version: record.version,
                recorded: record.name.clone(),
                linked: linked.name().to_owned(),
            })
        })
        .collect()
}

/// Applied migrations whose body in this build differs from the applied one.
pub(crate) fn drift(registry: &Registry, history: &History) -> Vec<Drift> {
    history
        .records()
        .filter(|record| record.is_applied() && !record.version.is_repeatable())
        .filter_map(|record| {
            let linked = registry.get(record.version)?;
            let is_other = squash::is_of_the_other(record, linked);
            (linked.checksum() != record.checksum && !is_other).then(|| Drift {
                version: record.version,
                name: linked.name().to_owned(),
                applied: record.checksum.clone(),
                linked: linked.checksum().into_owned(),
            })
        })
        .collect()
}

/// Applied migrations that this build does not have, oldest version first.
pub(crate) fn ahead(registry: &Registry, history: &History) -> Vec<Named> {
    ahead_of(registry, history).map(Record::named).collect()
}

/// A repeatable migration that this build does not have changes nothing for what it has.
fn ahead_of<'a>(registry: &'a Registry, history: &'a History) -> impl Iterator<Item = &'a Record> {
    history.records().filter(|record| {
        record.is_applied()
            && !record.version.is_repeatable()
            && registry.get(record.version).is_none()
            && registry.squash().is_none_or(|squash| !squash.reaches(record.version))
    })
}

/// Refuses to roll back what a half-done online migration builds on: when that migration resumes,
/// its finished steps are skipped, although the rollback may have removed what they did.
fn refuse_beneath_half_done(chosen: &[&Record], history: &History) -> Result<(), Error> {
    let Some(oldest) = chosen.iter().map(|record| record.sequence).min() else { return Ok(()) };
    let half_done = history.records().find(|record| {
        !record.version.is_repeatable()
            && !chosen.iter().any(|chosen| chosen.version == record.version)
            && record.direction == Direction::Up
            && record.sequence > oldest
            && match record.state {
                Stored::Running => true,
                Stored::Failed => !record.steps.is_empty(),
                _ => false,
            }
    });
    match half_done {
        None => Ok(()),
        Some(record) => Err(Error::WrongState {
            version: record.version,
            state: record.state.as_str(),
            hint: "it is half-done and builds on what would be rolled back; finish it with `up`, or \
                   say with `resolve` what became of it",
        }),
    }
}

/// The most migrations that `--atomic` applies together: their records are one command, which
/// may have 16 MB.
const TOGETHER_MAX: usize = 2_000;

/// Refuses `--atomic` for steps that cannot be one transaction.
pub(crate) fn refuse_apart(steps: &[Step]) -> Result<(), Error> {
    let is_apart = |step: &Step| {
        step.migration.kind() != MigrationKind::Transaction || step.direction != Direction::Up
    };
    let named = |step: &Step| step.migration.named();
    let versions: Vec<Named> = steps.iter().filter(|step| is_apart(step)).map(named).collect();
    let version = |step: &Step| step.migration.version();
    let before = steps.iter().take_while(|step| !is_apart(step)).map(version).last();
    let first = steps.iter().skip_while(|step| !is_apart(step)).take_while(|step| is_apart(step));
    if !versions.is_empty() {
        return Err(Error::Apart { versions, before, until: first.map(version).last() });
    }
    if steps.len() > TOGETHER_MAX {
        let before = steps.get(TOGETHER_MAX - 1).map(|step| step.migration.version());
        return Err(Error::Apart { versions, before, until: None });
    }
    Ok(())
}

fn has_labels(migration: &Migration) -> bool {
    !migration.labels().is_empty()
}

/// Refuses migrations that would be applied after a newer one. A migration that was tried in its
/// turn, and failed or was interrupted, is not late; nor is one that was skipped in its turn.
fn refuse_late(chosen: &[Migration], history: &History) -> Result<(), Error> {
    let Some(newest) =
        history.records().filter(|record| record.is_applied()).map(|record| record.version).max()
    else {
        return Ok(());
    };
    let late: Vec<&Migration> = chosen
        .iter()
        .filter(|migration| migration.version() < newest && !migration.is_out_of_order())
        .filter(|migration| !migration.is_repeatable())
        .filter(|migration| {
            !history.get(migration.version()).is_some_and(|record| match record.state {
                Stored::Failed | Stored::Running | Stored::Cancelled | Stored::Skipped => true,
                // It may have been left out in its turn, and applied once its label was selected.
                Stored::Reverted => has_labels(migration),
                Stored::Applied | Stored::Replaced => false,
            })
        })
        .collect();
    if late.is_empty() {
        return Ok(());
    }
    let is_reverted = |version: &Version| {
        history.get(*version).is_some_and(|record| record.state == Stored::Reverted)
    };
    let versions = || late.iter().map(|migration| migration.version());
    Err(Error::OutOfOrder {
        versions: late.iter().map(|migration| migration.named()).collect(),
        newest,
        rolled_back: versions().filter(is_reverted).collect(),
    })
}

#[cfg(test)]
mod tests;
