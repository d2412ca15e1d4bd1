//! The report of the runs that a history tells of.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{failure::Failure, run::StepOutcome, status::StepProgress, steering::Hold};
use crate::model::{
    state::{Direction, Who},
    version::Version,
};

/// The state of a run, as the history tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RunEntryState {
    /// Under way: its process holds the lock.
    Running,
    /// It ended, and nothing failed.
    Done,
    /// A migration failed.
    Failed,
    /// It was ended in order, with a migration at work.
    Cancelled,
    /// Its process ended, or was replaced, with a migration at work or before it released the lock.
    Interrupted,
}

impl RunEntryState {
    /// The state as it is printed, e.g. `done`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

/// One migration of a run, as the history tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunEntryStep {
    /// The migration's version.
    pub version: Version,
    /// The migration's name.
    pub name: String,
    /// Whether it was applied or rolled back.
    pub direction: Direction,
    /// What came of it; `None`: it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<StepOutcome>,
    /// When the history last tells something of it.
    pub at: DateTime<Utc>,
    /// How long it took, in milliseconds; `None` if that is not known, or not known any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// How far its backfills are, if they are not finished.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub progress: Vec<StepProgress>,
}

/// One run, as the history tells it: what one process did while it held the lock once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunEntry {
    /// The fence number, which no other run of this history has.
    pub fence: i64,
    /// The direction of the last migration; `None` while the first one is under way and has left
    /// nothing in the history yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The state.
    pub state: RunEntryState,
    /// When it began: when it took the lock, as long as the lock says so; then when the first
    /// migration began, as far as that is known.
    pub began_at: DateTime<Utc>,
    /// When its last migration ended; `None` while the run is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// How long it took, or has taken so far by the server's clock, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Its process.
    pub by: Who,
    /// How many migrations it has; for a run that ended, how many it began.
    pub total: usize,
    /// How many it applied or rolled back.
    pub done: usize,
    /// How many failed.
    pub failed: usize,
    /// The digest of the approved plan that was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// What holds the run back; `None`: nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The migrations that have left something in the history, in their order.
    pub steps: Vec<RunEntryStep>,
}

impl RunEntry {
    /// The migration that failed first or was interrupted.
    pub fn stopped_at(&self) -> Option<&RunEntryStep> {
        let stopped = |outcome| matches!(outcome, StepOutcome::Failed | StepOutcome::Interrupted);
        self.steps.iter().find(|step| step.outcome.is_some_and(stopped))
    }
}

/// What `history --runs` returns: the runs that the last events of the migrations tell of, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunsReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The runs.
    pub runs: Vec<RunEntry>,
}
