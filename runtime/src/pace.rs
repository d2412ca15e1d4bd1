//! When a process that waits for another one's run looks again. Pure.
//!
//! As it looks, it sees how many are applied: so it knows how fast the other one is, and when that
//! will be done. Before there is anything to go by, its naps grow.

use std::time::Duration;

use tokio::time::Instant;

const NAP_MIN: Duration = Duration::from_millis(15);
const NAP_MAX: Duration = Duration::from_secs(1);

/// How long to sleep before the next look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nap {
    /// About so long: there is nothing to go by, and many may wait.
    Guess(Duration),
    /// So long, at the other one's speed.
    Known(Duration),
}

#[derive(Debug)]
pub(crate) struct Pace {
    /// How many are applied when it is over; `None`: whoever waits, waits for the lock.
    goal: Option<i64>,
    /// When how many were applied, at first.
    first: Option<(Instant, i64)>,
    nap: Duration,
}

impl Pace {
    pub(crate) fn new(goal: Option<i64>) -> Self {
        Self { goal, first: None, nap: NAP_MIN }
    }

    /// How long until the next look. `applied`: how many there are `now`.
    pub(crate) fn nap(&mut self, now: Instant, applied: i64) -> Nap {
        if let Some(remaining) = self.remaining(now, applied) {
            return Nap::Known(remaining.clamp(NAP_MIN, NAP_MAX));
        }
        let nap = self.nap;
        self.nap = nap.mul_f32(1.5).min(NAP_MAX);
        Nap::Guess(nap)
    }

    /// How long the other one will take for the rest, at the speed that was seen.
    fn remaining(&mut self, now: Instant, applied: i64) -> Option<Duration> {
        let rest = u32::try_from(self.goal? - applied).ok()?;
        let (begun, at_first) = *self.first.get_or_insert((now, applied));
        let done = u32::try_from(applied - at_first).ok().filter(|done| *done > 0)?;
        let each = now.saturating_duration_since(begun).checked_div(done)?;
        each.checked_mul(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn naps_grow_while_nothing_happens() {
        let (mut pace, now) = (Pace::new(Some(20)), Instant::now());
        assert_eq!(pace.nap(now, 0), Nap::Guess(NAP_MIN));
        assert_eq!(pace.nap(now, 0), Nap::Guess(NAP_MIN.mul_f32(1.5)));
        for _ in 0..20 {
            pace.nap(now, 0);
        }
        assert_eq!(pace.nap(now, 0), Nap::Guess(NAP_MAX));
    }

    #[test]
    fn who_sees_the_other_ones_speed_looks_when_it_is_done() {
        let (mut pace, now) = (Pace::new(Some(20)), Instant::now());
        pace.nap(now, 0);
        assert_eq!(pace.nap(now + ms(20), 4), Nap::Known(ms(80)));
        assert_eq!(pace.nap(now + ms(100), 10), Nap::Known(ms(100)), "it has become slower");
        assert_eq!(pace.nap(now + ms(200), 19), Nap::Known(NAP_MIN), "not all the time");
        assert_eq!(pace.nap(now + ms(60_000), 19), Nap::Known(NAP_MAX), "and not for ever");
    }

    #[test]
    fn who_waits_for_a_rollback_or_is_behind_has_nothing_to_go_by() {
        let now = Instant::now();
        for (goal, seen) in [(None, [0, 5]), (Some(20), [25, 30]), (Some(20), [8, 3])] {
            let mut pace = Pace::new(goal);
            pace.nap(now, seen[0]);
            let nap = pace.nap(now + ms(20), seen[1]);
            assert_eq!(nap, Nap::Guess(NAP_MIN.mul_f32(1.5)), "{seen:?}");
        }
    }
}
