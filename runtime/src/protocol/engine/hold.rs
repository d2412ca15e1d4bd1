//! Where a run begins nothing more while its history is paused.

use super::Engine;
use crate::{
    model::report::steering::{Asked, Hold, HoldReason},
    telemetry::{metrics, progress::RunEvent, visible::Line},
};

/// The pause in words.
pub(crate) fn paused(asked: &Asked) -> Hold {
    Hold::new(HoldReason::Paused, format!("paused by {asked}"))
}

impl Engine {
    /// Returns at once unless the history is paused, or these are hours in which nothing runs; otherwise
    /// when neither is so, and when the run is cancelled or the lease is lost, which the caller finds out
    /// by itself.
    ///
    /// The lock is kept meanwhile.
    pub(crate) async fn hold(&self) {
        loop {
            self.hold_while_closed().await;
            // The hours may have begun while it was paused.
            if !self.hold_while_paused().await || self.is_over() {
                return;
            }
        }
    }

    /// Whether the run is told to end.
    fn is_over(&self) -> bool {
        self.cancel.is_cancelled() || self.lease.lost.is_cancelled()
    }

    /// Returns once the history is not paused; and when the run is cancelled or the lease is lost.
    /// `false`: it was not paused.
    async fn hold_while_paused(&self) -> bool {
        let steering = self.steering();
        let Some(asked) = steering.orders().paused else { return false };
        let hold = paused(&asked);
        self.tell(Some(&hold));
        tracing::warn!(target: "mongrate", by = %Line(&asked), "the history is paused; nothing more begins until it is resumed");
        let mut orders = steering.subscribe();
        tokio::select! {
            _ = orders.wait_for(|orders| orders.paused.is_none()) => {
                tracing::info!(target: "mongrate", "the history is resumed");
            }
            () = self.cancel.cancelled() => {}
            () = self.lease.lost.cancelled() => {}
        }
        self.tell(None);
        true
    }

    /// Returns once it is no hour in which, by policy, nothing runs; and when the run is cancelled or
    /// the lease is lost.
    async fn hold_while_closed(&self) {
        let mut is_told = false;
        while let Some((hold, nap)) = self.steering().closed() {
            if !std::mem::replace(&mut is_told, true) {
                self.tell(Some(&hold));
                tracing::warn!(target: "mongrate", "{}; the run goes on then", Line(&hold.text));
            }
            tokio::select! {
                () = tokio::time::sleep(nap) => {}
                () = self.cancel.cancelled() => break,
                () = self.lease.lost.cancelled() => break,
            }
        }
        if is_told {
            self.tell(None);
        }
    }

    /// Tells what holds the run back: the listener now, everybody else with the next heartbeat.
    pub(crate) fn tell(&self, hold: Option<&Hold>) {
        self.steering().hold(hold);
        metrics::held(&self.group, self.control.database.name(), hold);
        self.progress.emit(|| RunEvent::Held { hold: hold.cloned() });
    }
}
