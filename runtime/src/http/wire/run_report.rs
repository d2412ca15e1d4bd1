//! The answer with the report of a run.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    left_out::LeftOut,
    report::{Failure, Named, StepProgress, named},
    steering::Asked,
    texts::Texts,
};
use crate::{Direction, MigrationKind, StepOutcome, model::report::run};

/// The outcome of one migration.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct StepReport {
    /// The migration's version.
    version: i64,
    /// The migration's name.
    name: String,
    /// The kind of migration.
    kind: MigrationKind,
    /// Whether the migration was applied or rolled back.
    direction: Direction,
    /// The migration's outcome.
    outcome: StepOutcome,
    /// The duration, in milliseconds.
    duration_ms: u64,
    /// How many times the migration's transaction was tried.
    attempts: u32,
    /// Why the migration failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// How far its backfill was when it was interrupted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    progress: Vec<StepProgress>,
}

impl StepReport {
    pub(in crate::http) fn new(step: run::StepReport, texts: Texts) -> Self {
        Self {
            version: step.version.get(),
            name: step.name,
            kind: step.kind,
            direction: step.direction,
            outcome: step.outcome,
            duration_ms: step.duration_ms,
            attempts: step.attempts,
            failure: step.failure.map(|failure| Failure::new(failure, texts)),
            progress: step.progress.into_iter().map(StepProgress::from).collect(),
        }
    }
}

/// What a run did.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct RunReport {
    /// The group.
    group: String,
    /// The database.
    database: String,
    /// The batch number of the applied migrations; left out if the run applied nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<i64>,
    /// The fence number of the run; left out if there was nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    fence: Option<i64>,
    /// The migrations, in their order.
    steps: Vec<StepReport>,
    /// Migrations that were recorded as skipped, as their labels are not selected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    skipped: Vec<LeftOut>,
    /// The squash that was recorded as standing for what is applied, without being run.
    #[serde(skip_serializing_if = "Option::is_none")]
    stands: Option<Named>,
    /// How long the run waited for the lock, in milliseconds.
    waited_ms: u64,
    /// Applied migrations that this build does not have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    ahead: Vec<Named>,
    /// Set if an operator ended the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_by: Option<Asked>,
}

impl RunReport {
    pub(in crate::http) fn new(report: run::RunReport, texts: Texts) -> Self {
        let steps = report.steps.into_iter();
        Self {
            group: report.group,
            database: report.database,
            batch: report.batch,
            fence: report.fence,
            steps: steps.map(|step| StepReport::new(step, texts)).collect(),
            skipped: LeftOut::all(report.skipped),
            stands: report.stands.map(Named::from),
            waited_ms: report.waited_ms,
            ahead: named(report.ahead),
            cancelled_by: report.cancelled_by.map(Asked::from),
        }
    }
}
