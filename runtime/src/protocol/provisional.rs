//! Commits that only the primary is known to have. Pure.
//!
//! Waiting for the majority after each migration is most of what a short one costs, and between two
//! of one run nobody needs to know. An election may take such commits back, the newest first, each
//! whole: its effects, its record and its count in the fence. So the next guard, which names how
//! many there were, does not match, and the run goes on where the database is. Before a run ends,
//! or does what no fence can hold back, a majority has them all.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::{digest::Digest, version::Version};

/// After so many, the next one waits for the majority.
const PROVISIONAL_MAX: usize = 50;

/// A transaction that begins later than this after the first of them waits for the majority.
const PROVISIONAL_AGE_MAX: Duration = Duration::from_secs(1);

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Commit {
    pub version: Version,
    /// The number of its guarded transaction.
    pub sequence: i64,
    /// What was applied before it.
    pub before: Digest,
}

/// Those that are not known to be there for good, the oldest first. Their numbers are consecutive,
/// up to the last guarded transaction.
#[derive(Debug, Default)]
pub(crate) struct Provisional {
    commits: Vec<Commit>,
    since: Option<Instant>,
}

impl Provisional {
    pub(crate) fn len(&self) -> usize {
        self.commits.len()
    }

    /// Whether another one may follow without waiting for the majority.
    pub(crate) fn has_room(&self, now: Instant) -> bool {
        self.commits.len() < PROVISIONAL_MAX
            && self.since.is_none_or(|since| now < since + PROVISIONAL_AGE_MAX)
    }

    pub(crate) fn add(&mut self, commit: Commit, now: Instant) {
        self.since.get_or_insert(now);
        self.commits.push(commit);
    }

    /// A majority has all of them.
    pub(crate) fn confirm(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn versions(&self) -> impl Iterator<Item = Version> {
        self.commits.iter().map(|commit| commit.version)
    }

    /// How many there are that are not `kept`: as they are taken back from the end, all from the
    /// first one on.
    pub(crate) fn gone(&self, kept: impl Fn(&Commit) -> bool) -> usize {
        self.commits.iter().skip_while(|commit| kept(commit)).count()
    }

    /// The database counts only `guards`: forgets those that are gone. How many, and the first of
    /// them; `None` if that is not what happened.
    pub(crate) fn take_back(&mut self, guards: i64) -> Option<(usize, Commit)> {
        let first = self.commits.iter().position(|commit| commit.sequence == guards + 1)?;
        let gone = self.commits.split_off(first);
        // What is left, a majority has: it is what was read.
        self.confirm();
        gone.first().map(|first| (gone.len(), *first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(count: i64) -> Provisional {
        let mut all = Provisional::default();
        for sequence in 11..11 + count {
            let version = Version::new(sequence - 10);
            all.add(Commit { version, sequence, before: Digest::default() }, Instant::now());
        }
        all
    }

    #[test]
    fn an_election_takes_back_the_newest() {
        let mut all = some(3);
        let (count, first) = all.take_back(11).unwrap();
        assert_eq!((count, first.sequence), (2, 12));
        assert_eq!(all.len(), 0, "the rest is there for good");
        assert_eq!(some(3).take_back(10).unwrap().0, 3);
        for other in [9, 13, 14] {
            assert!(some(3).take_back(other).is_none(), "{other}: that is somebody else's doing");
        }
    }

    #[test]
    fn the_majority_is_never_far_behind() {
        let now = Instant::now();
        assert!(some(49).has_room(now));
        assert!(!some(50).has_room(now));
        assert!(!some(1).has_room(now + PROVISIONAL_AGE_MAX * 2));
        assert!(some(0).has_room(now + PROVISIONAL_AGE_MAX * 2));
    }

    #[test]
    fn from_the_first_that_is_missing_on_all_are_gone() {
        assert_eq!(some(3).gone(|commit| commit.sequence != 12), 2);
        assert_eq!(some(3).gone(|_| true), 0);
    }
}
