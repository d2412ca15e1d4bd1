//! Ctrl-C and SIGTERM: the first cancels the run in order, the second ends the process at once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU8, Ordering},
};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{line, out::Out};
use crate::telemetry::visible::Line;

/// The exit code for SIGINT, as in a shell: 128 + 2.
pub(super) const INTERRUPTED: u8 = 130;

/// The exit code for SIGTERM, as in a shell: 128 + 15.
pub(super) const TERMINATED: u8 = 143;

/// Whether the run has the lock, or had it.
static BEGUN: AtomicBool = AtomicBool::new(false);

/// The run has begun: from now on, a signal does not only end a wait.
pub(super) fn begun() {
    BEGUN.store(true, Ordering::Relaxed);
}

/// The run has ended: from now on, a signal ends only the wait for listeners.
pub(super) fn over() {
    BEGUN.store(false, Ordering::Relaxed);
}

/// What the first signal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancelled {
    /// A run, which ends in order.
    Run,
    /// Another verb.
    Verb,
    /// A look that goes on until somebody ends it.
    Nothing,
}

impl Cancelled {
    /// What the first signal says.
    fn first(self) -> Option<&'static str> {
        match self {
            Self::Run if !BEGUN.load(Ordering::Relaxed) => Self::Verb.first(),
            Self::Run => Some(
                "ending in order: the batch at hand is committed, a transaction at hand is rolled back, \
                 the lock is released (press Ctrl-C again to quit at once)",
            ),
            Self::Verb => Some("cancelling… (press Ctrl-C again to quit at once)"),
            Self::Nothing => None,
        }
    }

    /// What the second signal leaves.
    fn second(self) -> Option<&'static str> {
        match self {
            Self::Run if BEGUN.load(Ordering::Relaxed) => Some(
                "quit at once: nothing that was committed is lost, but the lock stays taken until its \
                 lease runs out, or until a run on this machine finds that this process has ended; that \
                 run rolls back the transaction that was open, and resumes",
            ),
            _ => None,
        }
    }
}

/// Listens for signals until it is dropped.
#[derive(Debug)]
pub(super) struct Signals {
    token: CancellationToken,
    exit_code: Arc<AtomicU8>,
    task: JoinHandle<()>,
}

impl Signals {
    pub(super) fn listen(out: Out, cancelled: Cancelled) -> Self {
        let token = CancellationToken::new();
        let exit_code = Arc::new(AtomicU8::new(INTERRUPTED));
        let task = tokio::spawn(watch(token.clone(), Arc::clone(&exit_code), out, cancelled));
        Self { token, exit_code, task }
    }

    /// The token that the first signal cancels.
    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// The exit code for the signal that came.
    pub(super) fn exit_code(&self) -> u8 {
        self.exit_code.load(Ordering::Relaxed)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(token: CancellationToken, exit_code: Arc<AtomicU8>, out: Out, cancelled: Cancelled) {
    let mut source = match Source::new() {
        Ok(source) => source,
        Err(error) => {
            tracing::warn!(target: "mongrate", error = %Line(&error), "cannot catch signals; Ctrl-C ends the process at once");
            return;
        }
    };
    let code = source.next().await;
    exit_code.store(code, Ordering::Relaxed);
    token.cancel();
    if let Some(text) = cancelled.first() {
        out.note(text);
    }
    let code = source.next().await;
    if let Some(text) = cancelled.second() {
        out.note(text);
    }
    // The lock is not released: other processes wait until its lease runs out.
    line::suspend(|| std::process::exit(i32::from(code)));
}

#[cfg(unix)]
struct Source {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Source {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The exit code of the next signal.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPTED,
            _ = self.terminate.recv() => TERMINATED,
        }
    }
}

#[cfg(not(unix))]
struct Source;

#[cfg(not(unix))]
impl Source {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    /// The exit code of the next signal.
    async fn next(&mut self) -> u8 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        INTERRUPTED
    }
}
