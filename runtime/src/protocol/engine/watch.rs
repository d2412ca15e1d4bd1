//! What ends the body of an online migration before its time.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{
    model::result::BoxError,
    protocol::stop::{StopReason, settle_body},
};

/// Ends a body when the lease is lost, or when the run is cancelled and no batch is being
/// committed.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(super) cancel: CancellationToken,
    pub(super) lost: CancellationToken,
    /// Held while a backfill commits a batch.
    pub(super) batch_at_work: Arc<Mutex<()>>,
}

impl Watch {
    /// Runs `body` to its end, or until it has to stop: then this drops the body's future.
    pub(crate) async fn over(
        self,
        body: impl Future<Output = Result<(), BoxError>>,
    ) -> Result<(), StopReason> {
        let cancelled = async {
            self.cancel.cancelled().await;
            #[cfg(mongrate_mutants)]
            if crate::protocol::mutant::is(crate::protocol::mutant::Mutant::CancelDoesNotWait) {
                return;
            }
            // A backfill commits the batch at hand, and stops by itself.
            drop(self.batch_at_work.lock().await);
        };
        tokio::select! {
            biased;
            () = self.lost.cancelled() => Err(StopReason::Lost),
            () = cancelled => Err(StopReason::Cancelled),
            ended = AssertUnwindSafe(body).catch_unwind() => settle_body(ended),
        }
    }
}
