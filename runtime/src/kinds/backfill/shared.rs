//! The state that all workers of a backfill share.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{job::Job, scout::Scout, size::Size, throttle::Gauge};
use crate::{
    model::{clock, version::Version},
    protocol::{checkpoint::partition::Partition, control::Control, stop::Stop},
    telemetry::progress::{BackfillProgress, Progress, RunEvent},
};

/// How often it says how far it is.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// What all workers of a backfill share.
pub(crate) struct Shared<'a> {
    pub control: Control,
    pub job: &'a Job,
    pub scout: Scout,
    pub gauge: Gauge,
    pub fence: i64,
    /// The lease is lost.
    pub lost: CancellationToken,
    /// Somebody wants it to stop, or a worker has failed: at the end of the batch.
    pub halt: CancellationToken,
    pub queue: RefCell<VecDeque<Partition>>,
    pub size: Cell<Size>,
    pub tally: Tally,
    /// Documents that earlier runs did, and that there were in all.
    pub before: u64,
    pub total: Option<u64>,
    pub begun: Instant,
    pub told: Cell<Instant>,
    /// Who is told how far it is, and of which migration this is.
    pub progress: Progress,
    pub version: Version,
    pub group: &'static str,
}

/// What this run did.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub documents: Cell<u64>,
    pub matched: Cell<u64>,
    pub modified: Cell<u64>,
    pub batches: Cell<u64>,
}

impl Shared<'_> {
    pub(crate) fn resize(&self, change: impl FnOnce(&mut Size)) {
        let mut size = self.size.get();
        change(&mut size);
        self.size.set(size);
    }

    /// Says how far it is, now and then.
    pub(crate) fn tell(&self) {
        if self.told.get().elapsed() < TELL_EVERY {
            return;
        }
        self.told.set(Instant::now());
        let done = self.tally.documents.get();
        let millis = clock::ms_since(self.begun).max(1);
        let per_second = done.saturating_mul(1_000) / millis;
        let documents = self.before + done;
        let left_s = self
            .total
            .filter(|_| per_second > 0)
            .map(|total| total.saturating_sub(documents) / per_second);
        tracing::info!(
            target: "mongrate", backfill = self.job.name, documents, total = self.total,
            per_second, left_s, "backfilling"
        );
        self.progress.emit(|| RunEvent::Backfill {
            version: self.version,
            progress: BackfillProgress {
                name: self.job.name.clone(),
                documents,
                total: self.total,
                per_second: Some(per_second),
                remaining_ms: left_s.map(|seconds| seconds.saturating_mul(1_000)),
            },
        });
    }

    pub(crate) fn lost(&self) -> Result<(), Stop> {
        if self.lost.is_cancelled() { Err(Stop::Lost) } else { Ok(()) }
    }
}
