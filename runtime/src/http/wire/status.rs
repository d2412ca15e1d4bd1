//! The answers with the status and the lock.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    holder::Holder,
    policies::Policy,
    report::{Failure, StepProgress},
    steering::{Asked, RunPosition, Tuned},
    texts::Texts,
};
use crate::{Direction, MigrationKind, State, model::report::status};

/// A migration and its state.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct MigrationStatus {
    /// The migration's version.
    version: i64,
    /// The migration's name.
    name: String,
    /// The name in the record, if it differs: the record is from another app's migration, or from
    /// before a rename of this migration.
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded_as: Option<String>,
    /// The migration's state.
    state: State,
    /// The kind of migration.
    kind: MigrationKind,
    /// Whether the migration can be rolled back.
    reversible: bool,
    /// Whether this build has the migration.
    linked: bool,
    /// Whether the migration's body changed after it was applied.
    drifted: bool,
    /// The batch in which the migration was applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<i64>,
    /// When the migration was applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    applied_at: Option<DateTime<Utc>>,
    /// The duration, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    /// The process that applied the migration.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Holder>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// The ways out, if a part of the migration is in the database; left out if all of it or none
    /// of it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    half_done: Option<HalfDone>,
    /// The finished steps of an online migration that has not finished.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    finished_steps: Vec<String>,
    /// The backfills that are under way, or were interrupted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    progress: Vec<StepProgress>,
    /// The progress of those backfills, in whole percent; left out if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<u8>,
    /// The direction of a running or interrupted migration: `down` is a rollback.
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<Direction>,
    /// Whether the migration is repeatable: it has no version, its number is negative, and it runs
    /// again when its body changes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    repeatable: bool,
    /// The labels that the migration applies for; those after a `!` exclude it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    labels: Vec<String>,
    /// For a squash that the next run records, without running it: how many applied migrations it
    /// stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    stands_for: Option<usize>,
    /// The squash that the next run records as standing for this one, which this build does not have.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<i64>,
    /// Where the migration is declared; left out if this build does not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// The group of the migration.
    group: String,
    /// The release of the app that applied the migration: the name that the app gave itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<String>,
    /// The newest version that the migration stands for, if it is a squash.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<i64>,
    /// The migrations of other groups that come first, as `group::version`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    after: Vec<String>,
    /// When something last happened to the migration, by MongoDB's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_event_at: Option<DateTime<Utc>>,
}

impl MigrationStatus {
    pub(in crate::http) fn new(one: status::MigrationStatus, texts: Texts) -> Self {
        Self {
            version: one.version.get(),
            name: one.name,
            recorded_as: one.recorded_as,
            state: one.state,
            kind: one.kind,
            reversible: one.reversible,
            linked: one.linked,
            drifted: one.drifted,
            batch: one.batch,
            applied_at: one.applied_at,
            duration_ms: one.duration_ms,
            release: one.release,
            by: one.by.map(Holder::from),
            failure: one.failure.map(|failure| Failure::new(failure, texts)),
            half_done: one.half_done.map(|half| HalfDone {
                direction: half.direction,
                up: half.up,
                gives_up_rollback: half.gives_up_rollback,
                down: half.down,
            }),
            finished_steps: one.finished_steps,
            progress: one.progress.into_iter().map(StepProgress::from).collect(),
            percent: one.percent,
            direction: one.direction,
            repeatable: one.repeatable,
            labels: one.labels,
            stands_for: one.stands_for,
            replaced_by: one.replaced_by.map(|squash| squash.get()),
            source: one.source,
            group: one.group,
            replaces: one.replaces.map(crate::Version::get),
            after: one.after,
            last_event_at: one.last_event_at,
        }
    }
}

/// The ways out, if a part of a migration is in the database.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(in crate::http) struct HalfDone {
    /// The direction in which the migration ran: `down` is a rollback.
    direction: Direction,
    /// Whether POST up applies the migration: resumes it, finishes its rollback first, or gives up
    /// its rollback.
    up: bool,
    /// Whether POST up gives up the rollback, and applies again from where the rollback failed.
    gives_up_rollback: bool,
    /// Whether POST down removes the part that is in the database.
    down: bool,
}

/// The lock, as MongoDB sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = LockReport)]
pub(in crate::http) struct Lock {
    /// Whether a process holds the lock, with a lease that still runs.
    held: bool,
    /// The process that holds the lock, or the last holder if it did not release the lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<Holder>,
    /// The fence number of the last acquisition, which a release has to name.
    fence: i64,
    /// When the holder took the lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<DateTime<Utc>>,
    /// When the lease runs out, unless it is renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
    /// How long the lease still runs, in milliseconds; 0 when it has run out.
    remaining_ms: u64,
    /// Whether the holder was a process on this server's machine that has ended: the next run on
    /// this machine takes the lock at once. Left out if that is not known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    dead: bool,
    /// Set while the holder waits until the server ends a transaction that a former process left
    /// open, and that the server refuses to end before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for_transaction: Option<TransactionWait>,
    /// The pause that an operator asked for: nothing more begins, whichever process has the lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<Asked>,
    /// The settings that operators have changed of the run under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    tuned: Option<Tuned>,
    /// The request that ends the run under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_asked: Option<Asked>,
    /// How far the run under way is, as of its last heartbeat.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<RunPosition>,
}

/// A wait for the server to end a transaction by its age.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(in crate::http) struct TransactionWait {
    /// When the wait began.
    since: DateTime<Utc>,
    /// When the server should have ended the transaction.
    until: DateTime<Utc>,
}

impl From<status::LockReport> for Lock {
    fn from(lock: status::LockReport) -> Self {
        let status::LockReport {
            held,
            holder,
            fence,
            since,
            expires_at,
            remaining_ms,
            dead,
            waits_for_transaction,
            paused,
            tuned,
            cancel_asked,
            position,
        } = lock;
        let holder = holder.map(Holder::from);
        let waits_for_transaction = waits_for_transaction
            .map(|wait| TransactionWait { since: wait.since, until: wait.until });
        Self {
            held,
            holder,
            fence,
            since,
            expires_at,
            remaining_ms,
            dead,
            waits_for_transaction,
            paused: paused.map(Asked::from),
            tuned: tuned.map(Tuned::from),
            cancel_asked: cancel_asked.map(Asked::from),
            position: position.map(RunPosition::from),
        }
    }
}

/// Every migration that this build or the database knows, and the lock.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StatusReport)]
pub(in crate::http) struct Status {
    /// The group.
    group: String,
    /// The database.
    database: String,
    /// The control collection.
    collection: String,
    /// How many migrations are applied.
    applied: usize,
    /// How many migrations are pending: never applied, or rolled back. Failed and interrupted
    /// migrations are not counted here.
    pending: usize,
    /// How many migrations failed.
    failed: usize,
    /// How many migrations a process is running.
    running: usize,
    /// How many migrations began and are no longer run by a process.
    interrupted: usize,
    /// How many migrations the selected labels leave out.
    skipped: usize,
    /// How many migrations of this build a squash stands for.
    replaced: usize,
    /// The labels that are selected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    selected: Vec<String>,
    /// How many migrations were rolled back and are not in this build.
    orphaned: usize,
    /// The app that serves this, as it calls itself; left out if it has no name.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    app: String,
    /// The migrations, oldest version first. With `since`: those that differ from that answer.
    migrations: Vec<MigrationStatus>,
    /// The earlier answer that `migrations` and `gone` complete; left out if all migrations are
    /// listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// The versions of the migrations that were in the earlier answer and are no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    gone: Option<Vec<i64>>,
    /// The lock.
    lock: Lock,
    /// The policies that hold in this database.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    policies: Vec<Policy>,
}

impl Status {
    pub(in crate::http) fn new(report: status::StatusReport, texts: Texts) -> Self {
        let one = |one| MigrationStatus::new(one, texts);
        let migrations = report.migrations.into_iter().map(one).collect();
        Self {
            group: report.group,
            database: report.database,
            collection: report.collection,
            applied: report.applied,
            pending: report.pending,
            failed: report.failed,
            running: report.running,
            interrupted: report.interrupted,
            skipped: report.skipped,
            replaced: report.replaced,
            selected: report.selected,
            orphaned: report.orphaned,
            app: report.app,
            migrations,
            since: None,
            gone: None,
            lock: report.lock.into(),
            policies: report.policies.into_iter().map(Policy::from).collect(),
        }
    }
}
