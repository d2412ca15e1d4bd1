//! Commits that only the primary is known to have. Pure.
//!
//! Waiting for the majority after each migration is most of what a short migration costs, and
//! between two migrations of one run it is not needed. An election may take such commits back, the
//! newest first, each commit as a whole: its effects, its record and its count in the fence. Then
//! the next guard, which names how many commits there were, does not match, and the run resumes
//! where the database is. Before a run ends, or does what no fence can hold back, a majority has
//! all commits.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::{digest::Digest, version::Version};

/// The most provisional commits in a row: the next commit waits for the majority.
const PROVISIONAL_MAX: usize = 50;

/// A transaction that begins this long after the first provisional commit waits for the majority.
const PROVISIONAL_AGE_MAX: Duration = Duration::from_secs(1);

/// A provisional commit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Commit {
    pub version: Version,
    /// The number of its guarded transaction.
    pub sequence: i64,
    /// The digest of what was applied before it.
    pub before: Digest,
}

/// The provisional commits, the oldest first. Their numbers are consecutive, up to the last guarded
/// transaction.
#[derive(Debug, Default)]
pub(crate) struct Provisional {
    commits: Vec<Commit>,
    /// When the first of them was added.
    since: Option<Instant>,
}

impl Provisional {
    pub(crate) fn len(&self) -> usize {
        self.commits.len()
    }

    /// Whether another commit may follow without waiting for the majority.
    pub(crate) fn has_room(&self, now: Instant) -> bool {
        self.commits.len() < PROVISIONAL_MAX
            && self.since.is_none_or(|since| now < since + PROVISIONAL_AGE_MAX)
    }

    pub(crate) fn add(&mut self, commit: Commit, now: Instant) {
        self.since.get_or_insert(now);
        self.commits.push(commit);
    }

    /// Forgets all commits: a majority has them, or it no longer matters.
    pub(crate) fn confirm(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn versions(&self) -> impl Iterator<Item = Version> {
        self.commits.iter().map(|commit| commit.version)
    }

    /// Returns how many commits are gone: an election takes commits back from the end, so all are
    /// gone from the first commit on that was not `kept`.
    pub(crate) fn gone(&self, kept: impl Fn(&Commit) -> bool) -> usize {
        self.commits.iter().skip_while(|commit| kept(commit)).count()
    }

    /// Forgets the commits that an election took back, as the database counts only `guards`.
    /// Returns how many are gone, and the first of them; `None` if no commit was taken back.
    pub(crate) fn take_back(&mut self, guards: i64) -> Option<(usize, Commit)> {
        let first =
            self.commits.iter().position(|commit| commit.sequence == guards.saturating_add(1))?;
        let gone = self.commits.split_off(first);
        // A majority has the commits that are left: that count was read from a majority.
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
        assert_eq!(all.len(), 0, "a majority has the rest");
        assert_eq!(some(3).take_back(10).unwrap().0, 3);
        for other in [9, 13, 14] {
            assert!(some(3).take_back(other).is_none(), "{other}: no election explains this count");
        }
    }

    #[test]
    fn what_was_applied_before_the_first_that_is_gone_is_applied_again() {
        let digest = |version| Digest::of([(Version::new(version), "c")]);
        let mut all = Provisional::default();
        for sequence in [11, 12] {
            let version = Version::new(sequence);
            all.add(Commit { version, sequence, before: digest(sequence) }, Instant::now());
        }
        assert_eq!(all.versions().collect::<Vec<_>>(), [Version::new(11), Version::new(12)]);
        let (_, first) = all.take_back(11).unwrap();
        assert_eq!((first.version, first.before), (Version::new(12), digest(12)));
    }

    #[test]
    fn a_confirmation_makes_room_and_begins_a_new_second() {
        let now = Instant::now();
        let mut all = some(50);
        all.confirm();
        assert_eq!((all.len(), all.has_room(now)), (0, true));
        assert!(all.take_back(11).is_none(), "a majority has what was confirmed");
        let later = now + PROVISIONAL_AGE_MAX * 2;
        all.add(
            Commit { version: Version::new(1), sequence: 61, before: Digest::default() },
            later,
        );
        assert!(all.has_room(later));
        assert!(!all.has_room(later + PROVISIONAL_AGE_MAX), "the age is that of the first commit");
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
        assert_eq!(some(3).gone(|_| false), 3);
        assert_eq!(some(0).gone(|_| false), 0);
    }
}
