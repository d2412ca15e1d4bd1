//! Runs blocking work on a thread of its own, and cancels the work when its future is dropped.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::error::EmbeddedError;

/// Whether the work was cancelled. Blocking loops check it in every round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cancel(Arc<AtomicBool>);

impl Cancel {
    pub(crate) fn check(&self) -> Result<(), EmbeddedError> {
        if self.0.load(Ordering::Relaxed) { Err(EmbeddedError::Cancelled) } else { Ok(()) }
    }

    /// Sleeps, unless the work was cancelled.
    pub(crate) fn nap(&self, pause: Duration) -> Result<(), EmbeddedError> {
        self.check()?;
        std::thread::sleep(pause);
        self.check()
    }

    /// Calls `done` every `pause` until it returns an answer; `None` when `wait` is over.
    pub(crate) fn poll<T>(
        &self,
        wait: Duration,
        pause: Duration,
        mut done: impl FnMut() -> Result<Option<T>, EmbeddedError>,
    ) -> Result<Option<T>, EmbeddedError> {
        let start = Instant::now();
        loop {
            if let Some(answer) = done()? {
                return Ok(Some(answer));
            }
            if start.elapsed() >= wait {
                return Ok(None);
            }
            self.nap(pause)?;
        }
    }
}

/// Runs `work` on a new thread. Dropping the future sets its [`Cancel`].
///
/// A thread rather than tokio's blocking pool: a runtime waits for that pool when it shuts down,
/// and Ctrl-C in the middle of a download should not.
pub(crate) async fn run<T, F>(work: F) -> Result<T, EmbeddedError>
where
    T: Send + 'static,
    F: FnOnce(&Cancel) -> Result<T, EmbeddedError> + Send + 'static,
{
    struct CancelOnDrop(Cancel);
    impl Drop for CancelOnDrop {
        fn drop(&mut self) {
            self.0.0.store(true, Ordering::Relaxed);
        }
    }

    let cancel = Cancel::default();
    let guard = CancelOnDrop(cancel.clone());
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("mongrate-embedded".to_owned())
        .spawn(move || {
            // If the future was dropped, the answer is dropped here, and what the answer holds.
            let _ = tell.send(work(&cancel));
        })
        .map_err(|source| EmbeddedError::Io { action: "start a thread".to_owned(), source })?;
    let answer = told.await.unwrap_or(Err(EmbeddedError::Cancelled));
    drop(guard);
    answer
}
