//! The events of a run, for a listener in this process: typed, and the same for every face.
//!
//! A run does not wait for its listener. Without a listener an event costs a look at an empty list.

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use crate::model::{
    report::{
        run::StepReport,
        steering::{Asked, Hold},
    },
    state::{Direction, Who},
    version::Version,
};

/// Something that happened in a run.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(all(feature = "cli", feature = "http")),
    allow(dead_code, reason = "each face reads what it shows")
)]
pub(crate) enum RunEvent {
    /// The run waits for the lock, which another process holds.
    Waiting {
        /// The process that holds the lock.
        holder: String,
        fence: i64,
        /// How long the run has waited so far.
        waited: Duration,
        /// Whether this very process holds the lock.
        is_this_process: bool,
    },
    /// The run has the lock, and waits until the server ends a transaction that a former process
    /// left open.
    HeldUp {
        /// How long the run has waited so far.
        waited: Duration,
        /// How long it may take.
        at_most: Duration,
        /// Why this process may not end that transaction.
        why: String,
    },
    /// The run waits, without the lock, as its history is paused.
    Paused { asked: Asked },
    /// The run waits, without the lock, until it is time to begin.
    NotYet { until: DateTime<Utc> },
    /// The run has the lock, and something holds it back; `None`: nothing does any more.
    Held { hold: Option<Hold> },
    /// The run was not refused: it has the lock (a dry run needs none), and will try these steps.
    Began { fence: Option<i64>, steps: Vec<PlannedStep> },
    /// A migration began. `at`: its place among the planned steps.
    StepBegan { at: usize },
    /// How far a backfill of the migration is.
    Backfill { version: Version, progress: BackfillProgress },
    /// A migration ended with this outcome, or an earlier outcome is corrected.
    StepEnded { at: usize, report: Box<StepReport> },
    /// The steps from here on were undone by an election, and run again.
    Undone { from: usize },
    /// The lock is lost. `taken_by`: the operator's process, if one took it.
    LockLost { taken_by: Option<Who> },
}

/// A migration that a run is going to try.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(all(feature = "cli", feature = "http")),
    allow(dead_code, reason = "each face reads what it shows")
)]
pub(crate) struct PlannedStep {
    pub version: Version,
    pub name: &'static str,
    pub direction: Direction,
}

/// How far a backfill is.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(all(feature = "cli", feature = "http")),
    allow(dead_code, reason = "each face reads what it shows")
)]
pub(crate) struct BackfillProgress {
    /// The name of the backfill's step.
    pub name: String,
    pub documents: u64,
    pub total: Option<u64>,
    pub per_second: Option<u64>,
    pub remaining_ms: Option<u64>,
    /// What holds it back just now.
    pub hold: Option<Hold>,
}

/// The listeners of a run, if there are any: that of the face, and those that the user added.
#[derive(Clone, Default)]
pub(crate) struct Progress(Vec<Arc<dyn Fn(RunEvent) + Send + Sync>>);

impl Progress {
    /// Calls `listener` on the thread of the run: it must not block.
    #[cfg(any(feature = "cli", feature = "http"))]
    pub(crate) fn with_listener(listener: impl Fn(RunEvent) + Send + Sync + 'static) -> Self {
        Self::default().and(listener)
    }

    /// Calls `listener`, too, as [`with_listener`](Self::with_listener) does.
    pub(crate) fn and(mut self, listener: impl Fn(RunEvent) + Send + Sync + 'static) -> Self {
        self.0.push(Arc::new(listener));
        self
    }

    /// Hands an event to the listeners. `event` is only called if there is one.
    pub(crate) fn emit(&self, event: impl FnOnce() -> RunEvent) {
        if let Some((last, others)) = self.0.split_last() {
            let event = event();
            others.iter().for_each(|listener| listener(event.clone()));
            last(event);
        }
    }

    /// The run has begun, and will try these steps.
    pub(crate) fn began(&self, fence: Option<i64>, steps: impl IntoIterator<Item = PlannedStep>) {
        self.emit(|| RunEvent::Began { fence, steps: steps.into_iter().collect() });
    }

    /// The step at this place ended.
    pub(crate) fn ended(&self, at: usize, report: &StepReport) {
        self.emit(|| RunEvent::StepEnded { at, report: Box::new(report.clone()) });
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Progress").field(&self.0.len()).finish()
    }
}
