//! The state that all workers of a backfill share.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{job::Job, scout::Scout, size::Size, throttle::ServerLoad};
use crate::{
    model::{clock, version::Version},
    protocol::{checkpoint::partition::Partition, control::Control, stop::StopReason},
    telemetry::progress::{BackfillProgress, Progress, RunEvent},
};

/// How often the progress is reported.
const REPORT_EVERY: Duration = Duration::from_millis(500);

/// What all workers of a backfill share.
pub(crate) struct Shared<'a> {
    pub control: Control,
    pub job: &'a Job,
    pub scout: Scout,
    pub load: ServerLoad,
    pub fence: i64,
    /// The lease is lost.
    pub lost: CancellationToken,
    /// The run was cancelled or a worker has failed: each worker stops at the end of its batch.
    pub halt: CancellationToken,
    pub queue: RefCell<VecDeque<Partition>>,
    pub size: Cell<Size>,
    pub counts: Counts,
    /// How many documents earlier runs changed.
    pub before: u64,
    /// How many documents there were in all, where that is known.
    pub total: Option<u64>,
    pub begun: Instant,
    /// When the progress was last reported.
    pub reported: Cell<Instant>,
    /// Receives the progress, with the version of this migration.
    pub progress: Progress,
    pub version: Version,
    pub group: &'static str,
}

/// The counts of this run.
#[derive(Debug, Default)]
pub(crate) struct Counts {
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

    /// Documents that are done, by this run and by earlier ones.
    pub(crate) fn documents(&self) -> u64 {
        self.before + self.counts.documents.get()
    }

    /// Logs and emits the progress, now and then.
    pub(crate) fn report_progress(&self) {
        if self.reported.get().elapsed() < REPORT_EVERY {
            return;
        }
        self.reported.set(Instant::now());
        let millis = clock::ms_since(self.begun).max(1);
        let per_second = self.counts.documents.get().saturating_mul(1_000) / millis;
        let documents = self.documents();
        let left_s = self
            .total
            .filter(|_| per_second > 0)
            .map(|total| total.saturating_sub(documents) / per_second);
        tracing::info!(
            target: "mongrate", backfill = self.job.name, documents, total = self.total,
            per_second, left_s, "backfilling"
        );
        let remaining_ms = left_s.map(|seconds| seconds.saturating_mul(1_000));
        self.emit(&self.job.name, Some(per_second), remaining_ms);
    }

    /// Emits the progress of the backfill with this name.
    pub(super) fn emit(&self, name: &str, per_second: Option<u64>, remaining_ms: Option<u64>) {
        self.progress.emit(|| RunEvent::Backfill {
            version: self.version,
            progress: BackfillProgress {
                name: name.to_owned(),
                documents: self.documents(),
                total: self.total,
                per_second,
                remaining_ms,
            },
        });
    }

    pub(crate) fn lost(&self) -> Result<(), StopReason> {
        if self.lost.is_cancelled() { Err(StopReason::Lost) } else { Ok(()) }
    }
}
