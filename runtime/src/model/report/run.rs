//! The reports of `up`, `down`, `redo`, and of an app's start.

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use crate::model::{kind::MigrationKind, named::Named, state::Direction, version::Version};

/// What became of one migration in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum StepOutcome {
    /// Applied and recorded.
    Applied,
    /// Rolled back and recorded.
    Reverted,
    /// Failed; the failure is recorded.
    Failed,
    /// Stopped half-way by a cancellation or a lost lease.
    Interrupted,
    /// Its commit was sent, and the server could not be asked what became of it, or whether a
    /// majority has it: `status` tells, once the server is back.
    Unknown,
    /// Ran, and was rolled back, as one that was to be applied together with it did not get
    /// through (`--atomic`).
    Aborted,
    /// Not tried, as the run ended before; or an election took it back, and the run ended before
    /// it was done again. Nothing of it is there.
    NotRun,
}

/// One migration of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepReport {
    /// Its version.
    pub version: Version,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub kind: MigrationKind,
    /// Whether it was applied or rolled back.
    pub direction: Direction,
    /// What became of it.
    pub outcome: StepOutcome,
    /// How long it took, in milliseconds, by this process's monotonic clock.
    pub duration_ms: u64,
    /// How many times its transaction was tried.
    pub attempts: u32,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// What `up`, `down` and `redo` did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The batch number of what this call applied; none if it applied nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<i64>,
    /// The fence number under which it ran; none if there was nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fence: Option<i64>,
    /// The migrations of the run, in their order.
    pub steps: Vec<StepReport>,
    /// How long this call waited for others, in milliseconds.
    pub waited_ms: u64,
    /// Applied migrations that this build does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<Named>,
}

impl StepReport {
    /// Whether it did what it was to do, for good.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.outcome, StepOutcome::Applied | StepOutcome::Reverted)
    }
}

impl RunReport {
    /// The migrations that this run applied or rolled back for good.
    pub fn done(&self) -> impl Iterator<Item = &StepReport> {
        self.steps.iter().filter(|step| step.is_done())
    }

    /// The versions that this run applied or rolled back for good, in their order.
    pub fn versions(&self) -> Vec<Version> {
        self.done().map(|step| step.version).collect()
    }

    /// Whether there was nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// What `on_start` did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all = "lowercase")]
#[non_exhaustive]
pub enum StartReport {
    /// Pending migrations were applied, by this process or by one that it waited for.
    Migrate(RunReport),
    /// Nothing is pending.
    Check,
    /// Nothing was run; so many migrations are pending.
    Warn {
        /// How many.
        pending: usize,
    },
}
