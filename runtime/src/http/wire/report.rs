//! The answers with the status, a plan, the history and the lock.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    holder::Holder,
    policies::Policy,
    steering::{Asked, RunPosition, Tuned},
    texts::Texts,
};
use crate::{
    Direction, LintName, MigrationKind, State,
    model::{
        lint, named,
        report::{failure, history, operator, plan, status},
    },
};

/// The version and the name of a migration.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct Named {
    /// The migration's version.
    pub(in crate::http) version: i64,
    /// The migration's name.
    pub(in crate::http) name: String,
}

impl From<named::Named> for Named {
    fn from(named::Named { version, name }: named::Named) -> Self {
        Self { version: version.get(), name }
    }
}

pub(super) fn named(all: Vec<named::Named>) -> Vec<Named> {
    all.into_iter().map(Named::from).collect()
}

/// Why a migration failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct Failure {
    /// The message of the failure. It may quote documents, so it is shown only if this server was
    /// configured to show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// MongoDB's error code, if the failure came from MongoDB.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    /// The name of the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code_name: Option<String>,
}

impl Failure {
    pub(in crate::http) fn new(failure: failure::Failure, texts: Texts) -> Self {
        let failure::Failure { message, code, code_name } = failure;
        Self { message: texts.shown.then_some(message), code, code_name }
    }
}

/// The progress of a backfill.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct StepProgress {
    /// The name of the backfill's step.
    pub(in crate::http) name: String,
    /// Documents that the backfill has passed.
    pub(in crate::http) documents: u64,
    /// Documents in the collection when the backfill began; left out if that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) total: Option<u64>,
    /// Documents per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) per_second: Option<u64>,
    /// The time that the remaining documents take at that rate, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) remaining_ms: Option<u64>,
    /// When the last batch was finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) updated_at: Option<DateTime<Utc>>,
}

impl From<status::StepProgress> for StepProgress {
    fn from(far: status::StepProgress) -> Self {
        let status::StepProgress { name, documents, total, per_second, remaining_ms, updated_at } =
            far;
        Self { name, documents, total, per_second, remaining_ms, updated_at }
    }
}

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
    /// How many migrations were rolled back and are not in this build.
    orphaned: usize,
    /// The labels that are selected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    selected: Vec<String>,
    /// The migrations, oldest version first.
    migrations: Vec<MigrationStatus>,
    /// The lock.
    lock: Lock,
    /// The policies that hold in this database.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    policies: Vec<Policy>,
}

impl Status {
    pub(in crate::http) fn new(report: status::StatusReport, texts: Texts) -> Self {
        let one = |one: status::MigrationStatus| MigrationStatus {
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
        };
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
            orphaned: report.orphaned,
            selected: report.selected,
            migrations: report.migrations.into_iter().map(one).collect(),
            lock: report.lock.into(),
            policies: report.policies.into_iter().map(Policy::from).collect(),
        }
    }
}

/// One operation of a declared migration.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct DeclaredOperation {
    /// What the operation does.
    operation: String,
    /// What undoes the operation.
    undo: String,
    /// The collection whose documents the operation changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    collection: Option<String>,
    /// How many documents the operation would change in the database as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    documents: Option<u64>,
}

pub(super) fn operations(all: Vec<plan::DeclaredOperation>) -> Vec<DeclaredOperation> {
    all.into_iter()
        .map(|one| DeclaredOperation {
            operation: one.operation,
            undo: one.undo,
            collection: one.collection,
            documents: one.documents,
        })
        .collect()
}

/// A lint: a risk in a migration, with a better way.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct Lint {
    /// The lint's name.
    name: LintName,
    /// The version of the migration.
    version: i64,
    /// The name of the migration.
    migration: String,
    /// What would happen.
    message: String,
    /// What the migration does.
    bad: String,
    /// What would be better.
    good: String,
    /// Findings in the database. They may quote documents, so they are shown only if this server
    /// was configured to show such texts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    details: Vec<String>,
    /// Whether the lint was derived from the size of a collection only.
    estimated: bool,
}

pub(super) fn lints(all: Vec<lint::Lint>, texts: Texts) -> Vec<Lint> {
    all.into_iter()
        .map(|one| Lint {
            name: one.name,
            version: one.version.get(),
            migration: one.migration,
            message: one.message,
            bad: one.bad,
            good: one.good,
            details: if texts.shown { one.details } else { Vec::new() },
            estimated: one.estimated,
        })
        .collect()
}

/// One migration in a plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct PlanStep {
    /// The migration's version.
    version: i64,
    /// The migration's name.
    name: String,
    /// The kind of migration.
    kind: MigrationKind,
    /// Whether the migration would be applied or rolled back.
    direction: Direction,
    /// Whether the migration can be rolled back afterwards.
    reversible: bool,
    /// Whether the migration resumes after an interruption.
    resumes: bool,
    /// Where the migration is declared.
    source: String,
    /// The operations of a declared migration, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    operations: Vec<DeclaredOperation>,
}

/// What a run would do. Nothing was written, no lock taken.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PlanReport)]
pub(in crate::http) struct Plan {
    /// The group.
    group: String,
    /// The database.
    database: String,
    /// The steps, in their order.
    steps: Vec<PlanStep>,
    /// Migrations that would be recorded as skipped, as their labels are not selected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    skipped: Vec<Named>,
    /// The squash that would be recorded as standing for what is applied, without being run.
    #[serde(skip_serializing_if = "Option::is_none")]
    stands: Option<Named>,
    /// The lints, if the request asks for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    lints: Vec<Lint>,
    /// Applied migrations that this build does not have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    ahead: Vec<Named>,
    /// For a rollback: migrations that are pending afterwards, and older than one that stays applied;
    /// runs and starts of a build that has them are refused from then on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    late: Vec<Named>,
}

impl Plan {
    pub(in crate::http) fn new(report: plan::PlanReport, texts: Texts) -> Self {
        let step = |one: plan::PlanStep| PlanStep {
            version: one.version.get(),
            name: one.name,
            kind: one.kind,
            direction: one.direction,
            reversible: one.reversible,
            resumes: one.resumes,
            source: one.source,
            operations: operations(one.operations),
        };
        Self {
            group: report.group,
            database: report.database,
            steps: report.steps.into_iter().map(step).collect(),
            skipped: named(report.skipped.into_iter().map(Into::into).collect()),
            stands: report.stands.map(Named::from),
            lints: lints(report.lints, texts),
            ahead: named(report.ahead),
            late: named(report.late),
        }
    }
}

/// One event in the history.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct HistoryEvent {
    /// The migration's version; left out for events of the lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    /// The migration's name.
    name: String,
    /// When the event happened.
    at: DateTime<Utc>,
    /// What happened: `applied`, `reverted`, `failed`, `running`, `cancelled`, `baseline`,
    /// `resolved`, `repaired`, `skipped`, `stands`, `replaced`, `force_unlocked`, `paused`, `resumed`, `tuned`, `cancel_asked`.
    event: String,
    /// The direction of the migration.
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<Direction>,
    /// The fence number of the run.
    fence: i64,
    /// The process that caused the event.
    by: Holder,
    /// Why the migration failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// Why an operator asked for it, or which settings were changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// The digest of the approved plan that was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<String>,
}

impl HistoryEvent {
    pub(super) fn new(one: history::HistoryEvent, texts: Texts) -> Self {
        Self {
            version: one.version.map(crate::Version::get),
            name: one.name,
            at: one.at,
            event: one.event,
            direction: one.direction,
            fence: one.fence,
            by: one.by.into(),
            failure: one.failure.map(|failure| Failure::new(failure, texts)),
            note: one.note,
            plan: one.plan,
        }
    }
}

/// One page of the history, newest event first.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = HistoryPage)]
pub(in crate::http) struct History {
    /// The group.
    group: String,
    /// The database.
    database: String,
    /// The events of this page.
    events: Vec<HistoryEvent>,
    /// The `before` of the next page; left out on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl History {
    /// Builds the page from its events.
    pub(in crate::http) fn new(
        group: String,
        database: String,
        events: Vec<history::HistoryEvent>,
        next: Option<String>,
        texts: Texts,
    ) -> Self {
        let one = |one| HistoryEvent::new(one, texts);
        Self { group, database, events: events.into_iter().map(one).collect(), next }
    }
}

/// The lock that was released.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = UnlockReport)]
pub(in crate::http) struct Unlocked {
    /// The fence that the request named.
    fence: i64,
    /// The process that held the lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<Holder>,
    /// Whether the lease was still running.
    was_live: bool,
}

impl From<operator::UnlockReport> for Unlocked {
    fn from(operator::UnlockReport { fence, holder, was_live }: operator::UnlockReport) -> Self {
        Self { fence, holder: holder.map(Holder::from), was_live }
    }
}
