//! The state that all workers of a backfill share.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    job::{Job, Pace},
    scout::Scout,
    size::Size,
    throttle::{Rate, ServerLoad},
};
use crate::{
    model::{
        clock,
        report::steering::{Hold, HoldReason},
        tuning::Tuning,
        version::Version,
    },
    protocol::{
        checkpoint::partition::Partition,
        control::Control,
        steering::{Orders, Steering},
        stop::StopReason,
    },
    telemetry::{
        metrics,
        progress::{BackfillProgress, Progress, RunEvent},
        visible::Line,
    },
};

/// How often the progress is reported.
const REPORT_EVERY: Duration = Duration::from_millis(500);

/// What all workers of a backfill share.
pub(crate) struct Shared<'a> {
    pub control: Control,
    pub job: &'a Job,
    pub scout: Scout,
    pub load: ServerLoad,
    pub rate: Rate,
    /// What operators ask of the run.
    pub steering: Arc<Steering>,
    /// The settings that the run was started with.
    pub tuning: Tuning,
    /// How many workers are at work.
    pub active: Cell<usize>,
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
    /// What holds the backfill back.
    pub hold: RefCell<Option<Hold>>,
    /// For how long it stood still, until it went on the last time; and since when it stands still now.
    pub held: Cell<Duration>,
    pub held_since: Cell<Option<Instant>>,
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
    /// The settings as they are now.
    pub(crate) fn pace(&self) -> Pace {
        self.pace_by(&self.steering.orders())
    }

    fn pace_by(&self, orders: &Orders) -> Pace {
        self.job.pace(&self.tuning.overridden_by(&orders.tuned))
    }

    /// Whether one more worker should be at work.
    pub(crate) fn wants_worker(&self) -> bool {
        !self.halt.is_cancelled()
            && !self.queue.borrow().is_empty()
            && self.active.get() < self.pace().workers
    }

    /// Before a batch: returns when it may begin, or when the workers are told to stop. `false`: there
    /// are more workers than there should be, and this one ends.
    pub(crate) async fn wait(&self) -> bool {
        let pause = self.job.throttle.pause;
        if !pause.is_zero() {
            self.nap(pause, &self.steering.orders()).await;
        }
        let mut waited = None;
        while !self.halt.is_cancelled() {
            let orders = self.steering.orders();
            let pace = self.pace_by(&orders);
            if self.active.get() > pace.workers {
                return false;
            }
            let Some((hold, nap)) = self.reason(&pace, &orders).await else { break };
            waited = Some(hold.reason);
            self.tell(Some(hold));
            self.nap(nap, &orders).await;
        }
        // Where the rate holds it back, it does so before each batch.
        if waited != Some(HoldReason::Rate) {
            self.tell(None);
        }
        true
    }

    /// What holds the next batch back, and when to look again.
    async fn reason(&self, pace: &Pace, orders: &Orders) -> Option<(Hold, Duration)> {
        if let Some(held) = pace.throttle.by_order(orders) {
            return Some(held);
        }
        if let Some(held) = self.steering.closed() {
            return Some(held);
        }
        if let Some(held) = self.load.wait(&pace.throttle).await {
            return Some(held);
        }
        self.rate.wait(pace.throttle.per_second, Instant::now())
    }

    /// Until it is time, or until there are other orders than these.
    async fn nap(&self, long: Duration, known: &Orders) {
        let mut orders = self.steering.subscribe();
        tokio::select! {
            () = tokio::time::sleep(long) => {}
            () = self.halt.cancelled() => {}
            // A heartbeat that brings nothing new does not end a rest between two batches.
            _ = orders.wait_for(|now| (&now.paused, now.tuned) != (&known.paused, known.tuned)) => {}
        }
    }

    /// Tells what holds the backfill back, if that has changed.
    pub(crate) fn tell(&self, hold: Option<Hold>) {
        let before = self.hold.borrow().as_ref().map(|hold| hold.reason);
        let reason = hold.as_ref().map(|hold| hold.reason);
        self.steering.hold(hold.as_ref());
        if before == reason {
            return;
        }
        match &hold {
            Some(hold) if hold.reason == HoldReason::Rate => {}
            Some(hold) => {
                tracing::warn!(target: "mongrate", "the backfill is held back: {}", Line(&hold.text));
            }
            None if before == Some(HoldReason::Rate) => {}
            None => tracing::info!(target: "mongrate", "the backfill goes on"),
        }
        metrics::held(self.group, self.control.database.name(), hold.as_ref());
        let stands = |reason: Option<HoldReason>| reason.is_some_and(|it| it != HoldReason::Rate);
        match (stands(before), stands(reason)) {
            (false, true) => self.held_since.set(Some(Instant::now())),
            (true, false) => {
                let held = self.held_since.take().map_or(Duration::ZERO, |since| since.elapsed());
                self.held.set(self.held.get() + held);
            }
            _ => {}
        }
        self.hold.replace(hold.clone());
        self.progress.emit(|| RunEvent::Held { hold });
    }

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
        let held = clock::ms(self.held.get());
        let millis = clock::ms_since(self.begun).saturating_sub(held).max(1);
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
        self.steering.rate(per_second, remaining_ms);
        self.emit(&self.job.name, Some(per_second), remaining_ms);
    }

    /// Emits the progress of the backfill with this name.
    pub(super) fn emit(&self, name: &str, per_second: Option<u64>, remaining_ms: Option<u64>) {
        let progress = || BackfillProgress {
            name: name.to_owned(),
            documents: self.documents(),
            total: self.total,
            per_second,
            remaining_ms,
            hold: self.hold.borrow().clone(),
        };
        if cfg!(feature = "metrics") {
            let labels = (self.group, self.control.database.name());
            metrics::progressed(labels, self.version, &progress());
        }
        self.progress.emit(|| RunEvent::Backfill { version: self.version, progress: progress() });
    }

    pub(crate) fn lost(&self) -> Result<(), StopReason> {
        if self.lost.is_cancelled() { Err(StopReason::Lost) } else { Ok(()) }
    }
}
