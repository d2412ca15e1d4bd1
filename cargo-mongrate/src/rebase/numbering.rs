//! The new numbers of your migrations. Pure.

use std::collections::BTreeSet;

/// The versions of a group: those that keep their numbers, and yours.
#[derive(Debug, Default)]
pub(crate) struct GroupVersions {
    /// The versions that keep their numbers.
    pub(crate) theirs: BTreeSet<i64>,
    /// Your versions in their order, and whether each may be older than others (`out_of_order`).
    pub(crate) mine: Vec<(i64, bool)>,
}

impl GroupVersions {
    /// Returns the new versions of yours. Each is newer than all of theirs and than your version
    /// before it; a version that is newer already stays. `None` if no number is left.
    pub(crate) fn renumbered(&self) -> Option<Vec<i64>> {
        let mut last = self.theirs.last().copied().unwrap_or(0);
        // A version that may be out of order stays, unless another migration has it.
        let mut taken = self.theirs.clone();
        let keeps: Vec<bool> =
            self.mine.iter().map(|(version, late)| *late && taken.insert(*version)).collect();
        let mut renumbered = Vec::new();
        for ((version, _), keeps) in self.mine.iter().zip(keeps) {
            if keeps {
                renumbered.push(*version);
                continue;
            }
            let mut next = *version;
            if next <= last {
                next = last.checked_add(1)?;
                while taken.contains(&next) {
                    next = next.checked_add(1)?;
                }
            }
            last = next;
            renumbered.push(next);
        }
        Some(renumbered)
    }
}

#[cfg(test)]
mod tests {
    //! Versions that change, and versions that stay.

    use super::*;

    fn renumbered(theirs: &[i64], mine: &[i64]) -> Vec<i64> {
        let mine = mine.iter().map(|version| (*version, false)).collect();
        GroupVersions { theirs: theirs.iter().copied().collect(), mine }.renumbered().unwrap()
    }

    #[test]
    fn mine_come_after_theirs_in_my_order() {
        assert_eq!(renumbered(&[1, 2], &[2]), [3], "the same number");
        assert_eq!(renumbered(&[1, 6], &[5]), [7], "an older one");
        assert_eq!(renumbered(&[1, 6], &[5, 7]), [7, 8], "one that has to make room");
        assert_eq!(renumbered(&[1, 6], &[5, 9]), [7, 9], "one that has not");
        assert_eq!(renumbered(&[1], &[2, 3]), [2, 3], "nothing to do");
        assert_eq!(renumbered(&[], &[2, 2]), [2, 3], "a clash of mine");
        assert_eq!(renumbered(&[], &[]), [0; 0]);
        assert_eq!(renumbered(&[20_250_122_003], &[20_250_122_003]), [20_250_122_004]);
    }

    #[test]
    fn what_is_renumbered_once_stays() {
        let once = renumbered(&[1, 2, 6], &[2, 3, 7]);
        assert_eq!(once, [7, 8, 9]);
        assert_eq!(renumbered(&[1, 2, 6], &once), once);
    }

    #[test]
    fn what_may_be_late_stays_where_nobody_is() {
        let group =
            |mine: &[(i64, bool)]| GroupVersions { theirs: [1, 6].into(), mine: mine.to_vec() };
        assert_eq!(group(&[(3, true), (4, false)]).renumbered().unwrap(), [3, 7]);
        assert_eq!(group(&[(6, true)]).renumbered().unwrap(), [7]);
        assert_eq!(group(&[(5, false), (7, true)]).renumbered().unwrap(), [8, 7]);
        assert_eq!(
            GroupVersions { theirs: [i64::MAX].into(), mine: vec![(1, false)] }.renumbered(),
            None
        );
    }
}
