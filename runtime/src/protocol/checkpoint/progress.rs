//! Pure: how far a backfill is, from its checkpoints alone, so that any process can tell.

use std::collections::BTreeMap;

use super::partition::Partition;
use crate::model::{report::status::StepProgress, state::Direction, version::Version};

/// The backfills of a migration that are not finished.
pub(crate) fn progress(
    partitions: &[Partition],
    version: Version,
    direction: Direction,
    started: i64,
) -> Vec<StepProgress> {
    let mut by_name: BTreeMap<&str, Vec<&Partition>> = BTreeMap::new();
    for partition in partitions.iter().filter(|one| is_of(one, version, direction, started)) {
        by_name.entry(&partition.key.name).or_default().push(partition);
    }
    by_name.into_iter().map(|(name, partitions)| of(name, &partitions)).collect()
}

/// Whether a partition is of a migration as it was begun then.
pub(crate) fn is_of(
    partition: &Partition,
    version: Version,
    direction: Direction,
    started: i64,
) -> bool {
    let key = &partition.key;
    (key.version, key.direction, key.started) == (version, direction, started)
}

fn of(name: &str, partitions: &[&Partition]) -> StepProgress {
    let documents: i64 = partitions.iter().map(|partition| partition.documents).sum();
    let total = partitions.iter().find_map(|partition| partition.total);
    // Only the partitions of this run count for the rate; the others may be a week old.
    let begun = partitions.iter().filter_map(|partition| partition.since.map(|(at, _)| at)).max();
    let updated = partitions.iter().filter_map(|partition| partition.updated).max();
    let since: i64 = partitions
        .iter()
        .filter(|partition| partition.since.map(|(at, _)| at) == begun)
        .map(|partition| partition.documents - partition.since.map_or(0, |(_, before)| before))
        .sum();
    let millis = match (begun, updated) {
        (Some(begun), Some(updated)) => (updated - begun).num_milliseconds(),
        _ => 0,
    };
    let per_second = (millis > 0 && since > 0).then(|| since.saturating_mul(1_000) / millis);
    let left = total.map(|total| (total - documents).max(0));
    let remaining_ms = match (left, millis > 0 && since > 0) {
        (Some(left), true) => u64::try_from(left.saturating_mul(millis) / since).ok(),
        _ => None,
    };
    StepProgress {
        name: name.to_owned(),
        documents: u64::try_from(documents).unwrap_or(0),
        total: total.and_then(|total| u64::try_from(total).ok()),
        per_second: per_second.and_then(|rate| u64::try_from(rate).ok()),
        remaining_ms,
        updated_at: updated,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::protocol::checkpoint::{partition::Key, range::Range};

    #[test]
    fn the_rate_is_that_of_this_run() {
        let at = |seconds: i64| DateTime::from_timestamp(1_700_000_000 + seconds, 0);
        let key = Key {
            version: Version::new(3),
            direction: Direction::Up,
            name: "walk".to_owned(),
            started: 9,
        };
        let partition = |number, documents, since: i64, before| {
            let mut partition =
                Partition::new(&key, number, Range::default(), (number == 0).then_some(1_000));
            partition.documents = documents;
            partition.since = at(since).map(|at| (at, before));
            partition.updated = at(since + 10);
            partition
        };
        // The first was finished by an earlier run.
        let partitions =
            [partition(0, 100, -5_000, 0), partition(1, 300, 0, 200), partition(2, 100, 0, 0)];
        let found = progress(&partitions, key.version, Direction::Up, 9);
        assert_eq!(found.len(), 1);
        let found = &found[0];
        assert_eq!((found.documents, found.total, found.per_second), (500, Some(1_000), Some(20)));
        assert_eq!(found.remaining_ms, Some(25_000));
        assert_eq!(progress(&partitions, key.version, Direction::Up, 8), []);
        assert_eq!(progress(&partitions, key.version, Direction::Down, 9), []);
    }
}
