//! Pure: when a process that waits for another one's run looks again.
//!
//! Each look shows how many migrations are applied. From two looks the process knows how fast the
//! other run is, and when that run will be done. Until then its naps grow.

use std::time::Duration;

use tokio::time::Instant;

/// The first nap.
const NAP_MIN: Duration = Duration::from_millis(15);

/// The longest nap.
const NAP_MAX: Duration = Duration::from_secs(1);

/// How many times longer each nap is than the nap before it.
const GROWTH: f32 = 1.3;

/// The shortest nap once the other run's speed is known. It grows as well: fifty processes that look
/// every few milliseconds slow down the very run that they wait for.
const KNOWN_MIN: Duration = Duration::from_millis(5);

/// How long to sleep before the next look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nap {
    /// About this long: the other run's speed is not known, and many processes may wait.
    Guess(Duration),
    /// Exactly this long, by the other run's speed.
    Known(Duration),
}

/// The looks of a process that waits for another one's run.
#[derive(Debug)]
pub(crate) struct Pace {
    /// How many migrations are applied when the run is done; `None`: this process waits for the lock
    /// itself, however far the run is.
    goal: Option<i64>,
    /// When the last look was, and how many migrations were applied then.
    last: Option<(Instant, i64)>,
    /// A look has shown that migrations are being applied. The time before that look tells how long
    /// the run took to begin, and not how fast it is.
    moves: bool,
    /// The next nap while the speed is not known.
    guess: Duration,
    /// The shortest next nap once the speed is known.
    known_min: Duration,
}

impl Pace {
    pub(crate) fn new(goal: Option<i64>) -> Self {
        Self { goal, last: None, moves: false, guess: NAP_MIN, known_min: KNOWN_MIN }
    }

    /// How long to sleep until the next look. `applied`: how many migrations are applied `now`.
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
        // The first migrations that were seen to be applied: looks again soon, to see the speed.
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

    /// Looks at these milliseconds, and sees so many applied; what the nap after each look is.
    fn looks(goal: i64, table: &[(u64, i64, u64)]) {
        let (mut pace, now) = (Pace::new(Some(goal)), Instant::now());
        assert_eq!(pace.nap(now, 0), Nap::Guess(NAP_MIN));
        for (at, applied, expected) in table {
            let nap = pace.nap(now + ms(*at), *applied);
            assert_eq!(known(nap), *expected, "at {at} ms with {applied} of {goal} applied");
        }
    }

    #[test]
    fn once_the_speed_is_known_the_next_look_is_when_the_run_is_done() {
        // It took 900 ms to begin; that says nothing.
        looks(20, &[(900, 2, 5), (910, 4, 80), (990, 8, 240), (1_230, 18, 48)]);
        // The last nap of a slow run is not for ever.
        looks(20, &[(900, 2, 5), (10_000, 3, 1_000), (20_000, 19, 625)]);
        // A quick run is not looked at all the time, and less and less often.
        looks(20, &[(1, 1, 5), (2, 18, 7), (3, 19, 8)]);
        let naps = [5, 7, 8, 11, 14, 19, 24, 31, 41, 53, 69, 90];
        let at_once: Vec<_> = naps.into_iter().zip(1..).map(|(nap, seen)| (1, seen, nap)).collect();
        looks(20, &at_once);
    }

    #[test]
    fn a_run_that_stands_still_is_guessed_at_again() {
        let (mut pace, now) = (Pace::new(Some(20)), Instant::now());
        let looks = [(0, 0), (10, 2), (20, 4), (21, 4), (60_000, 19), (60_001, 20)];
        let naps = looks.map(|(at, applied)| pace.nap(now + ms(at), applied));
        let is_known = naps.map(|nap| matches!(nap, Nap::Known(_)));
        assert_eq!(is_known, [false, true, true, false, true, false], "{naps:?}");
        assert_eq!(naps[3], Nap::Guess(NAP_MIN.mul_f32(GROWTH)), "as long as the second guess");
        assert_eq!(naps[4], Nap::Known(NAP_MAX));
    }

    #[test]
    fn without_a_goal_ahead_or_with_fewer_applied_the_nap_is_a_guess() {
        let now = Instant::now();
        let table = [(None, [0, 5]), (Some(20), [25, 30]), (Some(20), [8, 3]), (Some(20), [8, 20])];
        for (goal, seen) in table {
            let mut pace = Pace::new(goal);
            pace.nap(now, seen[0]);
            let nap = pace.nap(now + ms(20), seen[1]);
            assert_eq!(nap, Nap::Guess(NAP_MIN.mul_f32(GROWTH)), "{goal:?} {seen:?}");
        }
    }
}
