//! When a process that waits for another one's run looks again. Pure.
//!
//! As it looks, it sees how many are applied: so it knows how fast the other one is, and when that
//! will be done. Before there is anything to go by, its naps grow.

use std::time::Duration;

use tokio::time::Instant;

const NAP_MIN: Duration = Duration::from_millis(15);

const NAP_MAX: Duration = Duration::from_secs(1);

/// By how much a nap is longer than the one before it.
const GROWTH: f32 = 1.3;

/// The least where it is known what for, at first: it grows as well, as fifty that look every few
/// milliseconds are what slows the one down that they wait for.
const KNOWN_MIN: Duration = Duration::from_millis(5);

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
    /// When how many were applied, at the last look.
    last: Option<(Instant, i64)>,
    /// Some were applied since the first look. What came before that is no speed, but how long it
    /// takes to begin.
    moves: bool,
    guess: Duration,
    known_min: Duration,
}

impl Pace {
    pub(crate) fn new(goal: Option<i64>) -> Self {
        Self { goal, last: None, moves: false, guess: NAP_MIN, known_min: KNOWN_MIN }
    }

    /// How long until the next look. `applied`: how many there are `now`.
    pub(crate) fn nap(&mut self, now: Instant, applied: i64) -> Nap {
        let before = self.last.replace((now, applied));
        let done = before.map_or(0, |(_, before)| applied - before);
        let rest = self.goal.map_or(0, |goal| goal - applied);
        if rest <= 0 || done <= 0 {
            let nap = self.guess;
            self.guess = nap.mul_f32(GROWTH).min(NAP_MAX);
            return Nap::Guess(nap);
        }
        let known = before.filter(|_| std::mem::replace(&mut self.moves, true));
        let least = self.known_min;
        self.known_min = least.mul_f32(GROWTH).min(NAP_MAX);
        // At the first movement: again soon, to see its speed.
        let Some((then, _)) = known else { return Nap::Known(least) };
        let since = now.saturating_duration_since(then).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a nap is not that precise")]
        let nap = since * rest as f64 / done as f64;
        Nap::Known(Duration::from_secs_f64(nap.min(NAP_MAX.as_secs_f64())).max(least))
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
        assert_eq!(pace.nap(now, 0), Nap::Guess(NAP_MIN.mul_f32(GROWTH)));
        for _ in 0..20 {
            pace.nap(now, 0);
        }
        assert_eq!(pace.nap(now, 0), Nap::Guess(NAP_MAX));
    }

    /// To the millisecond.
    fn known(nap: Nap) -> u64 {
        match nap {
            Nap::Known(nap) => (nap.as_secs_f64() * 1_000.0).round() as u64,
            Nap::Guess(nap) => panic!("{nap:?} is only guessed"),
        }
    }

    #[test]
    fn who_sees_the_other_ones_speed_looks_when_it_is_done() {
        let (mut pace, now) = (Pace::new(Some(20)), Instant::now());
        assert_eq!(pace.nap(now, 0), Nap::Guess(NAP_MIN));
        // It took a while to begin; that says nothing.
        assert_eq!(known(pace.nap(now + ms(900), 2)), 5);
        assert_eq!(known(pace.nap(now + ms(910), 4)), 80);
        assert_eq!(known(pace.nap(now + ms(990), 8)), 240, "it has become slower");
        assert_eq!(known(pace.nap(now + ms(1_230), 18)), 48);
        assert_eq!(pace.nap(now + ms(1_231), 18), Nap::Guess(NAP_MIN.mul_f32(GROWTH)), "it stands");
        assert_eq!(known(pace.nap(now + ms(60_000), 19)), 1_000, "not for ever");
        let mut quick = Pace::new(Some(20));
        quick.nap(now, 1);
        quick.nap(now, 2);
        assert_eq!(known(quick.nap(now + ms(1), 18)), 7, "not all the time");
        assert_eq!(known(quick.nap(now + ms(2), 19)), 8, "and less and less often");
    }

    #[test]
    fn who_waits_for_a_rollback_or_is_behind_has_nothing_to_go_by() {
        let now = Instant::now();
        for (goal, seen) in [(None, [0, 5]), (Some(20), [25, 30]), (Some(20), [8, 3])] {
            let mut pace = Pace::new(goal);
            pace.nap(now, seen[0]);
            let nap = pace.nap(now + ms(20), seen[1]);
            assert_eq!(nap, Nap::Guess(NAP_MIN.mul_f32(GROWTH)), "{seen:?}");
        }
    }
}
