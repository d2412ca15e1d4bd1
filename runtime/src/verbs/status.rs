//! `status`: every migration, with its state by its record, the lock and the settings.

use crate::{
    kinds::change::turn::{HalfWay, half_way},
    model::{
        error::Error,
        report::status::{self, HalfDone, LockReport, MigrationStatus, StatusReport, StepProgress},
        state::{Direction, State},
        version::Version,
    },
    protocol::{
        checkpoint,
        history::History,
        read::read_all,
        record::{Record, Stored},
    },
    registry::migration::Migration,
    run::{
        Runner,
        plan::{self, squash},
    },
    telemetry::metrics,
};

/// What changes whenever a process changes something, but for the batches of a backfill, which its next
/// heartbeat tells of.
#[cfg(feature = "http")]
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pulse {
    guards: i64,
    lock: LockReport,
}

impl Runner {
    /// The pulse of the history. One round trip of constant size.
    #[cfg(feature = "http")]
    pub(crate) async fn pulse(&self) -> Result<Pulse, Error> {
        let peek = self.peek().await?;
        Ok(Pulse { guards: peek.guards, lock: LockReport { remaining_ms: 0, ..peek.lock } })
    }

    pub(crate) async fn status(&self) -> Result<StatusReport, Error> {
        let peek = self.peek().await?;
        let (history, _) = read_all(&self.control, None).await?;
        let migrations = self.all(&history, &peek.lock);
        let count = |state| migrations.iter().filter(|one| one.state == state).count();
        let orphaned =
            migrations.iter().filter(|one| one.state == State::Pending && !one.linked).count();
        let applied = count(State::Applied);
        let unapplied = plan::pending(&self.registry, &history).count();
        metrics::counted(&self.settings.group, self.control.database.name(), applied, unapplied);
        Ok(StatusReport {
            group: self.settings.group.clone(),
            database: self.database_name(),
            collection: self.control.collection.clone(),
            applied,
            pending: count(State::Pending) - orphaned,
            failed: count(State::Failed),
            running: count(State::Running),
            interrupted: count(State::Interrupted),
            skipped: count(State::Skipped),
            replaced: count(State::Replaced),
            orphaned,
            app: self.settings.app.clone(),
            selected: self.settings.labels.all().map(str::to_owned).collect(),
            migrations,
            lock: peek.lock,
            policies: self.policies_in_force()?,
        })
    }

    /// Every migration that this build or the history knows, oldest version first.
    pub(crate) fn all(&self, history: &History, lock: &LockReport) -> Vec<MigrationStatus> {
        let leaves_out = plan::squash::leaves_out(&self.registry, history);
        let unrecorded = plan::squash::unrecorded(&self.registry, history);
        let is_replaced = |one: &Migration| leaves_out(one) && !one.is_squash();
        let mut migrations: Vec<MigrationStatus> = self
            .registry
            .iter()
            .map(|one| {
                let record = history.get(one.version());
                let mut shown = shown(Some(one), record, history, lock, &self.settings.group);
                let applies = self.registry.applies(one);
                shown.state = by_settings(shown.state, one, record, applies);
                if shown.state == State::Pending && is_replaced(one) {
                    shown.state = State::Replaced;
                }
                shown.stands_for = unrecorded
                    .filter(|(squash, _)| squash.migration.version() == one.version())
                    .map(|(_, count)| count);
                shown
            })
            .collect();
        migrations.extend(
            history
                .records()
                .filter(|record| self.registry.get(record.version).is_none())
                // A squash stands for it; the history has it.
                .filter(|record| record.state != Stored::Replaced)
                .map(|record| MigrationStatus {
                    replaced_by: unrecorded
                        .filter(|(squash, _)| squash.reaches(record.version))
                        .map(|(squash, _)| squash.migration.version()),
                    ..shown(None, Some(record), history, lock, &self.settings.group)
                }),
        );
        migrations.sort_by(|one, other| {
            let key = |one: &MigrationStatus| (one.version.is_repeatable(), one.version);
            match (key(one), key(other)) {
                ((true, _), (true, _)) => one.name.cmp(&other.name),
                (one, other) => one.cmp(&other),
            }
        });
        migrations
    }
}

/// What can be done about a half-done migration.
fn half_done(linked: &Migration, record: &Record) -> Option<HalfDone> {
    let half_way = half_way(linked.kind(), linked.declaration(), record)?;
    let has_rollback = linked.is_reversible();
    Some(match half_way {
        HalfWay::Up { can_go_back } => HalfDone {
            direction: Direction::Up,
            up: true,
            gives_up_rollback: false,
            down: can_go_back && has_rollback,
        },
        HalfWay::FailedRollback { can_go_forward } => HalfDone {
            direction: Direction::Down,
            up: true,
            gives_up_rollback: can_go_forward,
            down: has_rollback,
        },
        HalfWay::Rollback => HalfDone {
            direction: Direction::Down,
            up: true,
            gives_up_rollback: false,
            down: has_rollback,
        },
    })
}

/// The state of a linked migration by what this process wants of it: its labels, and the body that a
/// repeatable one has now.
fn by_settings(
    state: State,
    migration: &Migration,
    record: Option<&Record>,
    applies: bool,
) -> State {
    let is_changed = migration.is_repeatable()
        && record.is_some_and(|record| record.checksum != migration.checksum());
    match state {
        State::Pending | State::Skipped if !applies => State::Skipped,
        State::Skipped => State::Pending,
        State::Applied if is_changed && applies => State::Pending,
        state => state,
    }
}

fn shown(
    linked: Option<&Migration>,
    record: Option<&Record>,
    history: &History,
    lock: &LockReport,
    group: &str,
) -> MigrationStatus {
    let (linked_is_replaced, record) = match linked.zip(record) {
        Some((linked, record)) if squash::is_of_the_other(record, linked) => {
            // Of the two that have this number, the record is that of the other one.
            (!linked.is_squash(), None)
        }
        _ => (false, record),
    };
    let state = match record {
        None if linked_is_replaced => State::Replaced,
        // A failed rollback is not running.
        Some(record) if record.is_interrupted_rollback() && record.failure.is_some() => {
            State::Failed
        }
        Some(record) if record.state == Stored::Running && !is_at_work(record, lock) => {
            State::Interrupted
        }
        record => record.map_or(State::Pending, |record| record.state.shown()),
    };
    let mut progress = record
        .filter(|one| !matches!(one.state, Stored::Applied | Stored::Reverted))
        .map(|one| {
            let Record { version, direction, started, .. } = one;
            checkpoint::progress::progress(&history.backfills, *version, *direction, *started)
        })
        .unwrap_or_default();
    if state == State::Interrupted {
        // Its rate and remaining time mean nothing while no process runs it.
        for one in &mut progress {
            (one.per_second, one.remaining_ms) = (None, None);
        }
    }
    // Its process knows for how long it was held back.
    if let (State::Running, [one], Some(position)) =
        (state, progress.as_mut_slice(), &lock.position)
        && position.per_second.is_some()
    {
        (one.per_second, one.remaining_ms) = (position.per_second, position.remaining_ms);
    }
    let applied = record.filter(|record| record.is_applied());
    let name = linked.map(|one| one.name().to_owned());
    let other = |record: &&Record| {
        record.is_in_force() && linked.is_some_and(|linked| linked.name() != record.name)
    };
    MigrationStatus {
        version: linked
            .map(Migration::version)
            .or(record.map(|one| one.version))
            .unwrap_or(Version::new(0)),
        name: name.or_else(|| record.map(|one| one.name.clone())).unwrap_or_default(),
        recorded_as: record.filter(other).map(|record| record.name.clone()),
        state,
        kind: linked
            .map(Migration::kind)
            .or(record.map(|one| one.kind))
            .unwrap_or(crate::model::kind::MigrationKind::Transaction),
        reversible: linked.is_some_and(Migration::is_reversible),
        linked: linked.is_some(),
        drifted: match (linked, applied) {
            (Some(linked), Some(applied)) => {
                !linked.is_repeatable() && linked.checksum() != applied.checksum
            }
            _ => false,
        },
        batch: applied.and_then(|one| one.batch),
        applied_at: applied.and_then(|one| one.applied_at),
        duration_ms: applied.and_then(|one| one.duration_ms),
        by: applied.and_then(|one| one.by.clone()),
        failure: record.and_then(|one| one.failure.clone()),
        half_done: linked.zip(record).and_then(|(linked, record)| half_done(linked, record)),
        finished_steps: record
            .filter(|one| one.state != Stored::Applied)
            .map(|one| one.steps.clone())
            .unwrap_or_default(),
        percent: percent(&progress),
        direction: record.filter(|one| one.state == Stored::Running).map(|one| one.direction),
        progress,
        repeatable: record
            .map_or(linked.map(Migration::version), |record| Some(record.version))
            .is_some_and(Version::is_repeatable),
        labels: linked
            .map(Migration::labels)
            .unwrap_or_default()
            .into_iter()
            .map(Into::into)
            .collect(),
        stands_for: None,
        replaced_by: None,
        source: linked.map(Migration::source),
        group: group.to_owned(),
        release: applied
            .and_then(|one| one.by.as_ref())
            .map(|by| by.release().to_owned())
            .filter(|release| !release.is_empty()),
        replaces: linked
            .and_then(Migration::replaces)
            .map(|replaces| Version::new(replaces.to))
            .or_else(|| applied.and_then(|one| one.replaces)),
        after: linked
            .map(Migration::after)
            .unwrap_or_default()
            .into_iter()
            .map(Into::into)
            .collect(),
        last_event_at: record.and_then(|one| one.last_event_at),
    }
}

/// Whether a process is running the migration: the lock is live, and the record was last written
/// under its fence number. The record may be newer than the lock, as the lock is read first.
fn is_at_work(record: &Record, lock: &LockReport) -> bool {
    record.fence > lock.fence || (record.fence == lock.fence && lock.is_live())
}

/// How far all backfills are together.
fn percent(progress: &[StepProgress]) -> Option<u8> {
    let documents = progress.iter().map(|one| one.documents).sum();
    let total = progress.iter().map(|one| one.total).sum::<Option<u64>>()?;
    status::percent(documents, total)
}
