//! The answers with a run and its reports.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    details::Details,
    holder::Holder,
    report::{
        DeclaredOperation, Failure, Lint, Named, Plan, StepProgress, lints, named, operations,
    },
    run_report::RunReport,
    steering::Hold,
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
    /// Without running anything: only the plan.
    Plan,
    /// In a scratch database with a sample of the data.
    Shadow,
}

/// What a run was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::http) enum Verb {
    /// Apply migrations.
    Up,
    /// Roll migrations back.
    Down,
}

impl Verb {
    pub(in crate::http) const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    pub(in crate::http) const fn direction(self) -> Direction {
        match self {
            Self::Up => Direction::Up,
            Self::Down => Direction::Down,
        }
    }
}

impl From<Direction> for Verb {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Up => Self::Up,
            Direction::Down => Self::Down,
        }
    }
}

/// The state of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::http) enum RunState {
    /// The run is in flight.
    Running,
    /// The run has ended without a problem.
    Done,
    /// The run has ended with a problem.
    Failed,
    /// The run was cancelled in order, for example because the server stopped.
    Cancelled,
    /// The run's process ended, or was replaced, before the run did.
    Interrupted,
}

/// The state of one migration of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum StepState {
    /// Not begun yet.
    Waiting,
    /// Running now.
    Running,
    /// Applied and recorded.
    Applied,
    /// Rolled back and recorded.
    Reverted,
    /// Failed; the failure is recorded.
    Failed,
    /// Stopped half-way by a cancellation or a lost lease.
    Interrupted,
    /// The commit was sent, but MongoDB could not be asked whether it took effect, or whether a
    /// majority has it.
    Unknown,
    /// Rolled back together with a migration that did not succeed.
    Aborted,
    /// Not tried because the run ended before; or taken back by an election before the run ended.
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

/// One migration of a run, and its progress.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct RunStep {
    /// The migration's version.
    pub(in crate::http) version: i64,
    /// The migration's name.
    pub(in crate::http) name: String,
    /// Whether the migration is applied or rolled back.
    pub(in crate::http) direction: Direction,
    /// The migration's state.
    pub(in crate::http) state: StepState,
    /// The duration in milliseconds, once the migration has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) duration_ms: Option<u64>,
    /// The migration's backfills.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(in crate::http) backfills: Vec<StepProgress>,
    /// Why the migration failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) failure: Option<Failure>,
}

/// How many migrations a run has, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::http) struct StepCounts {
    /// How many migrations the run has; of a run of another process that has ended, how many it began.
    pub(in crate::http) total: usize,
    /// How many were applied or rolled back.
    pub(in crate::http) done: usize,
    /// How many failed.
    pub(in crate::http) failed: usize,
}

impl StepCounts {
    pub(in crate::http) fn of(steps: &[RunStep]) -> Self {
        let count = |is: fn(StepState) -> bool| steps.iter().filter(|step| is(step.state)).count();
        Self {
            total: steps.len(),
            done: count(|it| matches!(it, StepState::Applied | StepState::Reverted)),
            failed: count(|it| it == StepState::Failed),
        }
    }
}

/// A run that was requested, its progress and its outcome.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct Run {
    /// The run's id.
    pub(in crate::http) id: String,
    /// What the run was asked to do; left out while that is not known of another process's run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) verb: Option<Verb>,
    /// How the dry run is done; left out if the run is no dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) dry_run: Option<DryRunHow>,
    /// The run's state.
    pub(in crate::http) state: RunState,
    /// The name of the token that requested the run; for a run that no token requested, its process.
    pub(in crate::http) by: String,
    /// The process that has the run.
    pub(in crate::http) process: Holder,
    /// Whether the run was requested of this server. Of other runs, only what the history tells is
    /// known: the migrations that have begun, and no reports.
    pub(in crate::http) here: bool,
    /// When the run began, or was requested.
    pub(in crate::http) began_at: DateTime<Utc>,
    /// When the run ended; left out while it is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) ended_at: Option<DateTime<Utc>>,
    /// How long the run has been running, or ran, in milliseconds.
    pub(in crate::http) elapsed_ms: u64,
    /// The fence number of the lock, once the run has the lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) fence: Option<i64>,
    /// How many migrations the run has, and what became of them.
    pub(in crate::http) counts: StepCounts,
    /// The migrations of the run, in their order.
    pub(in crate::http) steps: Vec<RunStep>,
    /// What holds the run back just now; left out if nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) hold: Option<Hold>,
    /// What the run did, once it has ended; after a problem, what it did before the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) report: Option<RunReport>,
    /// The report of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) dry_run_report: Option<DryRunReport>,
    /// The plan, if only the plan was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) plan: Option<Plan>,
    /// Why the run ended, if it ended with a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) problem: Option<Details>,
}

/// Commands of a migration with the same name and collection, counted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct CommandReport {
    /// The command's name, such as `update`.
    command: String,
    /// The database and the collection, such as `shop.users`.
    namespace: String,
    /// How many commands were sent.
    times: u64,
    /// Documents that the commands matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<u64>,
    /// Documents that the commands changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<u64>,
    /// Documents that the commands inserted.
    #[serde(skip_serializing_if = "Option::is_none")]
    inserted: Option<u64>,
    /// Documents that the commands inserted because no document matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    upserted: Option<u64>,
    /// Documents that the commands deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<u64>,
    /// Documents (or values) that the commands read.
    #[serde(skip_serializing_if = "Option::is_none")]
    returned: Option<u64>,
    /// The duration, in microseconds.
    duration_us: u64,
    /// The code and the name of the error, if a command failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
}

/// One migration of a dry run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct DryRunStep {
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
    /// The migration's outcome.
    outcome: DryRunOutcome,
    /// The duration, in milliseconds.
    duration_ms: u64,
    /// Why the migration failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// The operations of a declared migration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    operations: Vec<DeclaredOperation>,
    /// The commands that the migration sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    commands: Vec<CommandReport>,
}

/// The scratch database of a dry run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct ShadowReport {
    /// The name of the scratch database, which is dropped.
    database: String,
    /// The largest number of documents that was copied of each collection.
    sample: u32,
    /// How many collections and views were copied.
    collections: usize,
    /// How many documents were copied.
    documents: u64,
}

/// The report of a dry run, which leaves nothing in the database.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct DryRunReport {
    /// The group.
    group: String,
    /// The database whose migrations were tried.
    database: String,
    /// How the dry run was done.
    dry_run: DryRunKind,
    /// The steps, in their order.
    steps: Vec<DryRunStep>,
    /// How often the dry run was tried.
    attempts: u32,
    /// The duration, in milliseconds.
    duration_ms: u64,
    /// Whether the commands of the migrations were seen.
    observed: bool,
    /// The lints of the migrations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    lints: Vec<Lint>,
    /// The scratch database, if the dry run used one.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow: Option<ShadowReport>,
    /// The squash that would be recorded as standing for what is applied, without being run.
    #[serde(skip_serializing_if = "Option::is_none")]
    stands: Option<Named>,
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
            stands: report.stands.map(Named::from),
            ahead: named(report.ahead),
        }
    }
}
