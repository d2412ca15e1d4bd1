//! A run and its reports, as they are answered.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    details::Details,
    report::{
        DeclaredOperation, Failure, Lint, Named, Plan, StepProgress, lints, named, operations,
    },
    run_report::RunReport,
    texts::Texts,
};
use crate::{
    Direction, DryRunKind, DryRunOutcome, MigrationKind, StepOutcome, model::report::dry_run,
};

/// How a dry run is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::http) enum DryRunHow {
    /// In one transaction that is always aborted.
    Run,
    /// Not at all: only the plan.
    Plan,
    /// In a scratch database with a sample of the data.
    Shadow,
}

/// What a run was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::http) enum Verb {
    /// Apply.
    Up,
    /// Roll back.
    Down,
}

impl Verb {
    pub(in crate::http) const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::http) enum RunState {
    /// Under way.
    Running,
    /// Ended well.
    Done,
    /// Ended with a problem.
    Failed,
    /// Cancelled in order, as when the server was told to stop.
    Cancelled,
}

/// How far one migration of a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum StepState {
    /// Its turn has not come.
    Waiting,
    /// At work.
    Running,
    /// Applied and recorded.
    Applied,
    /// Rolled back and recorded.
    Reverted,
    /// Failed; the failure is recorded.
    Failed,
    /// Stopped half-way by a cancellation or a lost lease.
    Interrupted,
    /// Its commit was sent, and MongoDB could not be asked what became of it, or whether a majority
    /// has it.
    Unknown,
    /// Rolled back together with one that did not get through.
    Aborted,
    /// Not tried, as the run ended before; or taken back by an election before it ended.
    NotRun,
}

impl From<StepOutcome> for StepState {
    fn from(outcome: StepOutcome) -> Self {
        match outcome {
            StepOutcome::Applied => Self::Applied,
            StepOutcome::Reverted => Self::Reverted,
            StepOutcome::Failed => Self::Failed,
            StepOutcome::Interrupted => Self::Interrupted,
            StepOutcome::Unknown => Self::Unknown,
            StepOutcome::Aborted => Self::Aborted,
            StepOutcome::NotRun => Self::NotRun,
        }
    }
}

/// One migration of a run, as far as it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct RunStep {
    /// Its version.
    pub(in crate::http) version: i64,
    /// Its name.
    pub(in crate::http) name: String,
    /// Whether it is applied or rolled back.
    pub(in crate::http) direction: Direction,
    /// How far it is.
    pub(in crate::http) state: StepState,
    /// How long it took, in milliseconds, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) duration_ms: Option<u64>,
    /// Its backfills.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(in crate::http) backfills: Vec<StepProgress>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) failure: Option<Failure>,
}

/// A run: something that was asked for, and what became of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct Run {
    /// Its id.
    pub(in crate::http) id: String,
    /// What it was asked to do.
    pub(in crate::http) verb: Verb,
    /// Whether it is a dry run, and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) dry_run: Option<DryRunHow>,
    /// How far it is.
    pub(in crate::http) state: RunState,
    /// The name of the token that asked for it.
    pub(in crate::http) by: String,
    /// How long it has been running, or ran, in milliseconds.
    pub(in crate::http) elapsed_ms: u64,
    /// The fence number of its lock, once it has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) fence: Option<i64>,
    /// The migrations of the run, in their order.
    pub(in crate::http) steps: Vec<RunStep>,
    /// What it did, once it has ended; if it ended with a problem, as far as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) report: Option<RunReport>,
    /// What a dry run saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) dry_run_report: Option<DryRunReport>,
    /// The plan, where only that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) plan: Option<Plan>,
    /// Why it ended, if it did not end well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) problem: Option<Details>,
}

/// Commands of a migration, counted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct CommandReport {
    /// Its name, as `update`.
    command: String,
    /// The database and the collection, as `shop.users`.
    namespace: String,
    /// How many commands.
    times: u64,
    /// Documents that it matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<u64>,
    /// Documents that it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<u64>,
    /// Documents that it inserted.
    #[serde(skip_serializing_if = "Option::is_none")]
    inserted: Option<u64>,
    /// Documents that it inserted as none matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    upserted: Option<u64>,
    /// Documents that it deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<u64>,
    /// Documents (or values) that it read.
    #[serde(skip_serializing_if = "Option::is_none")]
    returned: Option<u64>,
    /// How long it took, in microseconds.
    duration_us: u64,
    /// The error that it ended with: code and name.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
}

/// One migration of a dry run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct DryRunStep {
    /// Its version.
    version: i64,
    /// Its name.
    name: String,
    /// What it may do.
    kind: MigrationKind,
    /// Whether it would be applied or rolled back.
    direction: Direction,
    /// Whether it can be rolled back afterwards.
    reversible: bool,
    /// Whether it resumes what was interrupted.
    resumes: bool,
    /// Where it is declared.
    source: String,
    /// What became of it.
    outcome: DryRunOutcome,
    /// How long it took, in milliseconds.
    duration_ms: u64,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// The operations of a declared migration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    operations: Vec<DeclaredOperation>,
    /// The commands that it sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    commands: Vec<CommandReport>,
}

/// The scratch database of a dry run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct ShadowReport {
    /// Its name. It is dropped.
    database: String,
    /// The most documents that were copied of each collection.
    sample: u32,
    /// How many collections and views were copied.
    collections: usize,
    /// How many documents were copied.
    documents: u64,
}

/// What a dry run saw. Of none of it is anything left in the database.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct DryRunReport {
    /// The group.
    group: String,
    /// The database whose migrations were tried.
    database: String,
    /// How it was done.
    dry_run: DryRunKind,
    /// The steps, in their order.
    steps: Vec<DryRunStep>,
    /// How often it was tried.
    attempts: u32,
    /// How long it took, in milliseconds.
    duration_ms: u64,
    /// Whether the commands of the migrations were seen.
    observed: bool,
    /// What would better be done otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    lints: Vec<Lint>,
    /// The scratch database, where one was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow: Option<ShadowReport>,
    /// Applied migrations that this build does not have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    ahead: Vec<Named>,
}

impl DryRunReport {
    pub(in crate::http) fn new(report: dry_run::DryRunReport, texts: Texts) -> Self {
        let command = |one: dry_run::CommandReport| CommandReport {
            command: one.command,
            namespace: one.namespace,
            times: one.times,
            matched: one.matched,
            modified: one.modified,
            inserted: one.inserted,
            upserted: one.upserted,
            deleted: one.deleted,
            returned: one.returned,
            duration_us: one.duration_us,
            failed: one.failed,
        };
        let step = |one: dry_run::DryRunStep| DryRunStep {
            version: one.planned.version.get(),
            name: one.planned.name,
            kind: one.planned.kind,
            direction: one.planned.direction,
            reversible: one.planned.reversible,
            resumes: one.planned.resumes,
            source: one.planned.source,
            outcome: one.outcome,
            duration_ms: one.duration_ms,
            failure: one.failure.map(|failure| Failure::new(failure, texts)),
            operations: operations(one.planned.operations),
            commands: one.commands.into_iter().map(command).collect(),
        };
        Self {
            group: report.group,
            database: report.database,
            dry_run: report.dry_run,
            steps: report.steps.into_iter().map(step).collect(),
            attempts: report.attempts,
            duration_ms: report.duration_ms,
            observed: report.observed,
            lints: lints(report.lints, texts),
            shadow: report.shadow.map(|one| ShadowReport {
                database: one.database,
                sample: one.sample,
                collections: one.collections,
                documents: one.documents,
            }),
            ahead: named(report.ahead),
        }
    }
}
