//! The reports of `up`, `down`, `redo`, and of an app's start.

use serde::{Deserialize, Serialize};

use super::{failure::Failure, plan::LeftOut, status::StepProgress, steering::Asked};
use crate::model::{kind::MigrationKind, named::Named, state::Direction, version::Version};

/// How one migration of a run ended.
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
    /// Stopped half-way, by a cancellation or a lost lease.
    Interrupted,
    /// Its commit was sent, and the server could not be asked whether it committed, or whether a
    /// majority has it: `status` says so, once the server is back.
    Unknown,
    /// Ran, and was rolled back: another migration of the same transaction did not succeed
    /// (`--atomic`).
    Aborted,
    /// Not tried, as the run ended before; or taken back by an election, and the run ended before
    /// it was done again. Nothing of it is in the database.
    NotRun,
}

/// One migration of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepReport {
    /// The version of the migration.
    pub version: Version,
    /// The name of the migration.
    pub name: String,
    /// The kind of the migration.
    pub kind: MigrationKind,
    /// Whether it was applied or rolled back.
    pub direction: Direction,
    /// How the migration ended.
    pub outcome: StepOutcome,
    /// How long the migration took, in milliseconds, by this process's monotonic clock.
    pub duration_ms: u64,
    /// How many times the transaction of the migration was tried.
    pub attempts: u32,
    /// Why the migration failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// How far its backfill was when it was interrupted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub progress: Vec<StepProgress>,
}

/// What `up`, `down` and `redo` did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The batch number of the migrations that this call applied; `None` if it applied none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<i64>,
    /// The fence number under which the call ran; `None` if there was nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fence: Option<i64>,
    /// The migrations of the run, in their order.
    pub steps: Vec<StepReport>,
    /// Migrations that were recorded as skipped, as their labels are not selected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<LeftOut>,
    /// The squash that was recorded as standing for what is applied, without being run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands: Option<Named>,
    /// How long this call waited for other processes, in milliseconds.
    pub waited_ms: u64,
    /// Applied migrations that this build does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<Named>,
    /// Set if an operator ended the run: [`Migrator::cancel_run`](crate::Migrator::cancel_run).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<Asked>,
}

impl StepReport {
    /// Whether the migration was applied or rolled back for good.
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
    /// Nothing was run.
    Warn {
        /// How many migrations are pending.
        pending: usize,
    },
    /// Nothing was run, as the history is paused, and the app is to start all the same
    /// ([`WhenPaused::Start`](crate::WhenPaused::Start)).
    Paused {
        /// How many migrations are pending.
        pending: usize,
        /// Who paused the history, when, and why.
        asked: Asked,
    },
}
