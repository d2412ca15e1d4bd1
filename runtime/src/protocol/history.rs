//! All records of a control collection.

use super::{checkpoint::partition::Partition, record::Record};
use crate::model::{digest::Digest, version::Version};

/// Every record of one control collection.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Oldest version first.
    records: Vec<Record>,
    /// The checkpoints of backfills.
    pub backfills: Vec<Partition>,
}

impl History {
    /// A history of records in any order. No two records may have the same version.
    pub(crate) fn new(mut records: Vec<Record>, backfills: Vec<Partition>) -> Self {
        records.sort_by_key(|record| record.version);
        Self { records, backfills }
    }

    pub(crate) fn get(&self, version: Version) -> Option<&Record> {
        let at = self.records.binary_search_by_key(&version, |record| record.version).ok()?;
        self.records.get(at)
    }

    /// Returns the records, oldest version first.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    /// The digest of what is applied.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(
            self.records()
                .filter(|record| record.is_applied())
                .map(|record| (record.version, record.checksum.as_str())),
        )
    }

    pub(crate) fn last_batch(&self) -> i64 {
        self.records().filter_map(|record| record.batch).max().unwrap_or(0)
    }
}
