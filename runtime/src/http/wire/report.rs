//! The answers with a plan, the history, and a lock that was released; and what several answers share.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{holder::Holder, left_out::LeftOut, texts::Texts};
use crate::{
    Direction, LintName, MigrationKind,
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
    /// The `_id`s of the documents that it is about, at most 20. Shown only if this server was configured
    /// to show such texts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    documents: Vec<String>,
}

impl Failure {
    pub(in crate::http) fn new(failure: failure::Failure, texts: Texts) -> Self {
        let failure::Failure { message, code, code_name, documents } = failure;
        let documents = if texts.shown { documents } else { Vec::new() };
        Self { message: texts.shown.then_some(message), code, code_name, documents }
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
    skipped: Vec<LeftOut>,
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
            skipped: LeftOut::all(report.skipped),
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
    /// The names of the states that this event led to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    tags: Vec<String>,
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
            tags: one.tags,
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
