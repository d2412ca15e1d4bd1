//! Pure: when a process that waits for another one's run looks again.
//!
//! Each look shows how many migrations are applied, and for how long the other run has had the
//! lock. From two looks the process knows how fast the other run is, and when that run will be done.
//! A nap is at most a share of the time that the process has waited: so a process starts late by no
//! more than this share, and fifty processes on a busy machine, where everything takes long, the first
//! look too, look less often.

use std::time::Duration;

use tokio::time::Instant;

/// How long a nap may be where [`GUESS_SHARE`] is less than this: the first ones, on a machine that is not busy.
const NAP_MIN: Duration = Duration::from_millis(5);

/// The longest nap.
const NAP_MAX: Duration = Duration::from_secs(1);

/// Otherwise a nap is at most this share of the time since the process began to look: so much
/// later than the other run's end a process may start.
const GUESS_SHARE: f64 = 0.4;

/// The shortest nap once the other run's speed is known.
const KNOWN_MIN: Duration = Duration::from_millis(5);

/// It grows by this share of the time since the process began to look: fifty processes that look
/// every few milliseconds slow down the very run that they wait for.
const KNOWN_SHARE: f64 = 0.1;

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
    /// When the process began to look.
    began: Instant,
    /// When the last look was, and how many migrations were applied then.
    last: Option<(Instant, i64)>,
}

impl Pace {
    pub(crate) fn new(goal: Option<i64>, began: Instant) -> Self {
        Self { goal, began, last: None }
    }

    /// How long to sleep until the next look. `applied`: how many migrations are applied `now`;
    /// `held_for`: how long ago the other run got the lock.
    pub(crate) fn nap(&mut self, now: Instant, applied: i64, held_for: Option<Duration>) -> Nap {
        let waited = now.saturating_duration_since(self.began);
        let most = waited.mul_f64(GUESS_SHARE).clamp(NAP_MIN, NAP_MAX);
        let before = self.last.replace((now, applied));
        let rest = self.goal.map_or(0, |goal| goal - applied);
        let Some((then, before)) = before else { return Nap::Guess(most) };
        let (done @ 1.., rest @ 1..) = (applied - before, rest) else { return Nap::Guess(most) };
        // Before the other run had the lock, it applied nothing.
        let since = now.saturating_duration_since(then);
        let since = held_for.map_or(since, |held_for| since.min(held_for)).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a nap is not that precise")]
        let nap = since * rest as f64 / done as f64;
        // The speed may look lower than it is: the run took its time to begin, and a majority, which
        // is what a look shows, gets many commits at once.
        let nap = Duration::from_secs_f64(nap.min(most.as_secs_f64()));
        Nap::Known(nap.max((KNOWN_MIN + waited.mul_f64(KNOWN_SHARE)).min(most)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Looks at these milliseconds, sees so many applied under a lock that was held for so long, and
    /// naps for so long: to the millisecond, and whether it knows.
    type Table<'a> = &'a [(u64, i64, Option<u64>, (bool, u64))];

    fn looks(goal: Option<i64>, table: Table<'_>) {
        let began = Instant::now();
        let mut pace = Pace::new(goal, began);
        for (at, applied, held_for, expected) in table {
            let nap = pace.nap(began + ms(*at), *applied, held_for.map(ms));
            let (is_known, nap) = match nap {
                Nap::Known(nap) => (true, nap),
                Nap::Guess(nap) => (false, nap),
            };
            let found = (is_known, (nap.as_secs_f64() * 1_000.0).round() as u64);
            assert_eq!(found, *expected, "at {at} ms with {applied} of {goal:?} applied");
        }
    }

    #[test]
    fn a_guess_is_never_late_by_more_than_a_share_of_the_wait_or_a_second() {
        looks(
            Some(20),
            &[
                (0, 0, None, (false, 5)),
                (5, 0, Some(1), (false, 5)),
                (100, 0, Some(20), (false, 40)),
                (1_000, 0, Some(900), (false, 400)),
                (60_000, 0, Some(60_000), (false, 1_000)),
            ],
        );
    }

    #[test]
    fn once_the_speed_is_known_the_next_look_is_when_the_run_is_done() {
        // It took 900 ms to begin, and has had the lock for the last 10 ms of them.
        let begins_late = [
            (0, 0, None, (false, 5)),
            (900, 2, Some(10), (true, 95)),
            (995, 10, Some(105), (true, 119)),
            (1_114, 19, Some(224), (true, 116)),
        ];
        looks(Some(20), &begins_late);
        // Where the lock does not say since when it is held, the time between the looks counts.
        looks(Some(20), &[(0, 0, None, (false, 5)), (40, 10, None, (true, 16))]);
        // The last nap of a slow run is not for ever.
        let slow = [
            (0, 0, Some(1), (false, 5)),
            (10_000, 3, Some(10_000), (true, 1_000)),
            (20_000, 19, Some(20_000), (true, 1_000)),
        ];
        looks(Some(20), &slow);
        // A quick run is not looked at all the time.
        looks(Some(20), &[(0, 0, Some(1), (false, 5)), (15, 19, Some(16), (true, 6))]);
    }

    #[test]
    fn a_run_that_stands_still_is_guessed_at_again() {
        let stands = [
            (0, 0, Some(1), (false, 5)),
            (15, 5, Some(16), (true, 6)),
            (60, 5, Some(61), (false, 24)),
            (99, 6, Some(100), (true, 40)),
            (645, 20, Some(646), (false, 258)),
        ];
        looks(Some(20), &stands);
    }

    #[test]
    fn without_a_goal_ahead_or_with_fewer_applied_the_nap_is_a_guess() {
        let table = [(None, [0, 5]), (Some(20), [25, 30]), (Some(20), [8, 3]), (Some(20), [8, 20])];
        for (goal, [first, second]) in table {
            let looked = [(0, first, Some(1), (false, 5)), (20, second, Some(21), (false, 8))];
            looks(goal, &looked);
        }
    }

    /// A process that looks whenever its nap is over, at a run that ends at `end`: how late it sees
    /// that, and how often it looked. Its naps are as long as they may be.
    fn waits(end: u64, applied_at: impl Fn(u64) -> i64) -> (u64, u32) {
        let began = Instant::now();
        let (mut pace, mut at, mut count) = (Pace::new(Some(20), began), 0, 1);
        while at < end {
            let (Nap::Guess(nap) | Nap::Known(nap)) =
                pace.nap(began + ms(at), applied_at(at), Some(ms(at)));
            at += u64::try_from(nap.as_millis()).unwrap().max(1);
            count += 1;
        }
        (at - end, count)
    }

    #[test]
    fn no_process_starts_much_later_than_the_run_ends() {
        for end in [20, 40, 80, 150, 300, 700, 2_000, 10_000, 600_000] {
            // At an even speed; and all at the end, which no look foretells.
            let (even, looked) = waits(end, |at| i64::try_from(at * 20 / end).unwrap());
            let (sudden, guessed) = waits(end, |_| 0);
            let bound = (end * 2 / 5).clamp(5, 1_000);
            assert!(even <= bound && sudden <= bound, "{end} ms: late by {even} and {sudden} ms");
            let most = 19 + u32::try_from(end / 1_000).unwrap();
            assert!(looked <= most && guessed <= most, "{end} ms: {looked} and {guessed} looks");
        }
    }
}
