//! The report of a run, as it is answered.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    report::{Failure, Named, named},
    texts::Texts,
};
use crate::{Direction, MigrationKind, StepOutcome, model::report::run};

/// What became of one migration.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct StepReport {
    /// Its version.
    version: i64,
    /// Its name.
    name: String,
    /// What it may do.
    kind: MigrationKind,
    /// Whether it was applied or rolled back.
    direction: Direction,
    /// What became of it.
    outcome: StepOutcome,
    /// How long it took, in milliseconds.
    duration_ms: u64,
    /// How many times its transaction was tried.
    attempts: u32,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
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
    /// The batch number of what it applied; left out if it applied nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<i64>,
    /// The fence number under which it ran; left out if there was nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    fence: Option<i64>,
    /// The migrations, in their order.
    steps: Vec<StepReport>,
    /// How long it waited for others, in milliseconds.
    waited_ms: u64,
    /// Applied migrations that this build does not have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    ahead: Vec<Named>,
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
            waited_ms: report.waited_ms,
            ahead: named(report.ahead),
        }
    }
}
