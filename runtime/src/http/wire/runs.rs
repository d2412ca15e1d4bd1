//! The answer with the list of runs, and a run as the history tells it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    holder::Holder,
    report::{Failure, Named, StepProgress},
    run::{DryRunHow, Run, RunState, RunStep, StepCounts, StepState, Verb},
    steering::Hold,
    texts::Texts,
};
use crate::{
    Direction,
    model::{report::runs, state::Who},
};

/// One run of the list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct RunItem {
    /// The run's id.
    pub(in crate::http) id: String,
    /// The fence number of the lock; left out for a run that took no lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) fence: Option<i64>,
    /// Whether migrations are applied or rolled back; left out while that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) direction: Option<Direction>,
    /// The run's state.
    pub(in crate::http) state: RunState,
    /// How the dry run is done; left out if the run is no dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) dry_run: Option<DryRunHow>,
    /// When the run began.
    pub(in crate::http) began_at: DateTime<Utc>,
    /// When the run ended; left out while it is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) ended_at: Option<DateTime<Utc>>,
    /// How long the run took, in milliseconds; left out while it is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) duration_ms: Option<u64>,
    /// The process that has the run.
    pub(in crate::http) by: Holder,
    /// How many migrations it has, and what became of them.
    pub(in crate::http) steps: StepCounts,
    /// The first migration of the run, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) first: Option<Named>,
    /// The last migration of the run, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) last: Option<Named>,
    /// The migration that failed first, or was interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) stopped_at: Option<Named>,
    /// Why that migration failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) failure: Option<Failure>,
    /// What holds the run back just now; left out if nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) hold: Option<Hold>,
    /// Whether the run was requested of this server.
    pub(in crate::http) here: bool,
}

/// One page of the runs, newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RunPage)]
pub(in crate::http) struct RunList {
    /// The group.
    pub(in crate::http) group: String,
    /// The database.
    pub(in crate::http) database: String,
    /// The runs of this page.
    pub(in crate::http) runs: Vec<RunItem>,
    /// The `before` of the next page; null on the last page.
    #[schema(required = true)]
    pub(in crate::http) next: Option<String>,
}

impl From<runs::RunEntryState> for RunState {
    fn from(state: runs::RunEntryState) -> Self {
        match state {
            runs::RunEntryState::Running => Self::Running,
            runs::RunEntryState::Done => Self::Done,
            runs::RunEntryState::Failed => Self::Failed,
            runs::RunEntryState::Cancelled => Self::Cancelled,
            runs::RunEntryState::Interrupted => Self::Interrupted,
        }
    }
}

impl RunItem {
    /// A run that was requested of this server.
    pub(in crate::http) fn here(run: &Run) -> Self {
        let named = |step: &RunStep| Named { version: step.version, name: step.name.clone() };
        let stopped = run
            .steps
            .iter()
            .find(|step| matches!(step.state, StepState::Failed | StepState::Interrupted));
        Self {
            id: run.id.clone(),
            fence: run.fence,
            direction: run.verb.map(Verb::direction),
            state: run.state,
            dry_run: run.dry_run,
            began_at: run.began_at,
            ended_at: run.ended_at,
            duration_ms: run.ended_at.map(|_| run.elapsed_ms),
            by: run.process.clone(),
            steps: run.counts,
            first: run.steps.first().map(named),
            last: run.steps.last().map(named),
            stopped_at: stopped.map(named),
            failure: stopped.and_then(|step| step.failure.clone()),
            hold: run.hold.clone(),
            here: true,
        }
    }
}

impl Run {
    /// A run as the history tells it.
    pub(in crate::http) fn told(id: String, entry: runs::RunEntry, texts: Texts) -> Self {
        let steps = entry.steps.into_iter().map(|step| RunStep {
            version: step.version.get(),
            name: step.name,
            direction: step.direction,
            state: step.outcome.map_or(StepState::Running, StepState::from),
            duration_ms: step.duration_ms,
            backfills: step.progress.into_iter().map(StepProgress::from).collect(),
            failure: step.failure.map(|failure| Failure::new(failure, texts)),
        });
        let counts = StepCounts { total: entry.total, done: entry.done, failed: entry.failed };
        Self {
            id,
            verb: entry.direction.map(Verb::from),
            dry_run: None,
            state: entry.state.into(),
            by: asked_by(&entry.by),
            process: entry.by.into(),
            here: false,
            began_at: entry.began_at,
            ended_at: entry.ended_at,
            elapsed_ms: entry.duration_ms.unwrap_or(0),
            fence: Some(entry.fence),
            counts,
            steps: steps.collect(),
            hold: entry.hold.map(Hold::from),
            report: None,
            dry_run_report: None,
            plan: None,
            problem: None,
        }
    }
}

/// The name of the token that requested a run; for a run that no token requested, its process.
fn asked_by(who: &Who) -> String {
    who.token().map_or_else(|| who.to_string(), str::to_owned)
}
