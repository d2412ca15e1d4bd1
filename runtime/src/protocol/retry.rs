//! Pauses between attempts: they double, with jitter, up to a bound.

use std::time::Duration;

use crate::{model::config::Retries, mongo::server_error::ServerError, telemetry::visible::Line};

/// The pause before the second attempt.
const PAUSE_FIRST: Duration = Duration::from_millis(5);

/// Counts attempts, and pauses between them.
#[derive(Debug)]
pub(crate) struct Backoff {
    limits: Retries,
    attempts: u32,
    pause: Duration,
}

impl Backoff {
    pub(crate) fn new(limits: Retries) -> Self {
        Self { limits, attempts: 1, pause: PAUSE_FIRST.min(limits.pause_max) }
    }

    /// Returns how many attempts were made, including the attempt under way.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Pauses, and returns whether another attempt may be made. Once all attempts are used up it
    /// returns `false` without a pause.
    pub(crate) async fn again(&mut self) -> bool {
        if self.attempts >= self.limits.attempts_max {
            return false;
        }
        self.pause().await;
        self.attempts += 1;
        true
    }

    /// Pauses without counting an attempt.
    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(jittered(self.pause)).await;
        self.pause = (self.pause * 2).min(self.limits.pause_max);
    }

    /// The same as [`again`](Self::again) for a command that failed, but only if the network or an
    /// election got in its way.
    pub(crate) async fn again_after(&mut self, error: &ServerError) -> bool {
        let again = error.is_retryable() && self.again().await;
        if again {
            tracing::debug!(target: "mongrate", error = %Line(&error), "retrying a command");
        }
        again
    }
}

/// A random pause between half of this pause and all of it.
pub(crate) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + fastrand::f64() / 2.0)
}
