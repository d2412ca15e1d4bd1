//! Pauses between attempts: they double, with jitter, up to a bound.

use std::time::Duration;

use crate::{model::config::Retries, mongo::server_error::ServerError, telemetry::visible::Line};

const PAUSE_FIRST: Duration = Duration::from_millis(5);

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

    /// How many attempts were made, the one under way included.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Pauses and says whether another attempt may be made; `false` at once when they are
    /// used up.
    pub(crate) async fn again(&mut self) -> bool {
        if self.attempts >= self.limits.attempts_max {
            return false;
        }
        self.pause().await;
        self.attempts += 1;
        true
    }

    /// Pauses, for what is no attempt.
    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(jittered(self.pause)).await;
        self.pause = (self.pause * 2).min(self.limits.pause_max);
    }

    /// The same for a command that failed: only if the network or an election got in its way.
    pub(crate) async fn again_after(&mut self, error: &ServerError) -> bool {
        let again = error.is_retryable() && self.again().await;
        if again {
            tracing::debug!(target: "mongrate", error = %Line(&error), "sending a command again");
        }
        again
    }
}

/// Between half of it and all of it.
pub(crate) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + fastrand::f64() / 2.0)
}
