//! Delivers events in their order, on the listener's thread: again and again, within bounds.

use std::{
    thread,
    time::{Duration, Instant},
};

use ureq::Agent;

use super::{
    hook::Webhook,
    send::{self, Attempt},
};
use crate::telemetry::{
    listen::event::{Event, EventRun},
    metrics,
};

/// How often an event is sent at most.
const ATTEMPTS_MAX: u32 = 8;

const PAUSE_FIRST: Duration = Duration::from_millis(500);

const PAUSE_MAX: Duration = Duration::from_secs(30);

pub(crate) struct Deliverer {
    hook: Webhook,
    agent: Agent,
    /// The last event could not be delivered. Then events are tried once, so that those behind them are
    /// not kept waiting.
    is_down: bool,
    /// A failed attempt was told since the last event that arrived.
    is_told: bool,
}

impl Webhook {
    /// The listener, for [`Migrator::listen`](crate::Migrator::listen).
    pub fn listener(self) -> impl FnMut(&Event) + Send + 'static {
        let mut deliverer = Deliverer::new(self);
        move |event| deliverer.deliver(event)
    }
}

impl Deliverer {
    pub(crate) fn new(hook: Webhook) -> Self {
        Self { agent: send::agent(hook.timeout), hook, is_down: false, is_told: false }
    }

    pub(crate) fn deliver(&mut self, event: &Event) {
        if !self.hook.sends(event) {
            return;
        }
        let EventRun { group, database, .. } = &*event.run;
        match self.try_to(event) {
            Ok(()) => {
                metrics::sent(group, database, "delivered");
                self.is_down = false;
                if std::mem::take(&mut self.is_told) {
                    tracing::info!(target: "mongrate", to = self.hook.place, "the webhook is delivered again");
                }
            }
            Err(why) => {
                metrics::sent(group, database, "failed");
                let (to, name) = (&self.hook.place, event.name());
                self.is_told = true;
                if std::mem::replace(&mut self.is_down, true) {
                    tracing::debug!(target: "mongrate", to, event = name, why, "a webhook could not be delivered");
                } else {
                    tracing::warn!(
                        target: "mongrate", to, event = name, why,
                        "a webhook could not be delivered; the run is not affected"
                    );
                }
            }
        }
    }

    fn try_to(&mut self, event: &Event) -> Result<(), String> {
        let request = self.hook.request(event);
        let until = Instant::now() + self.hook.give_up_after;
        let attempts_max = if self.is_down { 1 } else { ATTEMPTS_MAX };
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (why, after) = match send::attempt(&self.agent, &request) {
                Attempt::Delivered { .. } => return Ok(()),
                Attempt::Refused { why, .. } => return Err(why),
                Attempt::Later { why, after, .. } => (why, after),
            };
            let pause = after.unwrap_or_else(|| pause(attempt));
            if attempt >= attempts_max || Instant::now() + pause >= until {
                return Err(format!("{why}; it was tried {attempt} times"));
            }
            let (to, name) = (&self.hook.place, event.name());
            if std::mem::replace(&mut self.is_told, true) {
                tracing::debug!(target: "mongrate", to, event = name, attempt, why, "a webhook is sent again");
            } else {
                tracing::warn!(
                    target: "mongrate", to, event = name, why,
                    "a webhook did not accept an event; it is sent again"
                );
            }
            thread::sleep(pause);
        }
    }
}

/// Grows twofold, by half at random, so that many processes do not come at once.
fn pause(attempt: u32) -> Duration {
    let grown = PAUSE_FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(PAUSE_MAX);
    grown.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        for (attempt, most) in [(1, 500), (2, 1_000), (4, 4_000), (7, 30_000), (40, 30_000)] {
            let most = Duration::from_millis(most);
            for _ in 0..100 {
                let pause = pause(attempt);
                assert!(pause >= most / 2 && pause <= most, "{attempt}: {pause:?}");
            }
        }
    }
}
