//! What a run says of itself while it is under way, for whoever listens in this process.
//!
//! Facts only: nothing waits for a listener, and a run without one costs a test of an `Option`.

use std::{fmt, sync::Arc};

use crate::{Direction, Version, plan::Step, report::StepReport};

/// Something that happened in a run.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "http"), expect(dead_code, reason = "nobody listens without it"))]
pub(crate) enum Said {
    /// It was not refused: it has the lock (a dry run needs none), and this is what it will do.
    Began { fence: Option<i64>, steps: Vec<Announced> },
    /// A migration is at work. `at`: its place among those that were announced.
    StepBegan { at: usize },
    /// How far a backfill of it is.
    Backfill { version: Version, far: Far },
    /// It ended, so or so; or it turns out later how.
    StepEnded { at: usize, report: Box<StepReport> },
    /// From here on all is to be done again.
    Undone { from: usize },
}

/// A migration that a run is going to try.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "http"), expect(dead_code, reason = "nobody listens without it"))]
pub(crate) struct Announced {
    pub version: Version,
    pub name: &'static str,
    pub direction: Direction,
}

/// How far a backfill is.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "http"), expect(dead_code, reason = "nobody listens without it"))]
pub(crate) struct Far {
    /// The name of its step.
    pub name: String,
    pub documents: u64,
    pub total: Option<u64>,
    pub per_second: Option<u64>,
    pub remaining_ms: Option<u64>,
}

/// Whom a run tells.
#[derive(Clone, Default)]
pub(crate) struct Progress(Option<Arc<dyn Fn(Said) + Send + Sync>>);

impl Progress {
    /// Calls `listener`, on the thread of the run: it must not block.
    #[cfg(feature = "http")]
    pub(crate) fn to(listener: impl Fn(Said) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    /// `what` is only made if somebody listens.
    pub(crate) fn say(&self, what: impl FnOnce() -> Said) {
        if let Some(listener) = &self.0 {
            listener(what());
        }
    }

    pub(crate) fn began(&self, fence: Option<i64>, steps: &[Step]) {
        self.say(|| {
            let steps = steps.iter().map(|step| Announced {
                version: step.migration.version(),
                name: step.migration.name(),
                direction: step.direction,
            });
            Said::Began { fence, steps: steps.collect() }
        });
    }

    pub(crate) fn ended(&self, at: usize, report: &StepReport) {
        self.say(|| Said::StepEnded { at, report: Box::new(report.clone()) });
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Progress").field(&self.0.is_some()).finish()
    }
}
