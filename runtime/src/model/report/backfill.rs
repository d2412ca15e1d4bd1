//! The report of a backfill.

use serde::{Deserialize, Serialize};

/// What a backfill did in this run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackfillReport {
    /// Documents that the backfill walked over, including those of earlier runs.
    pub documents: u64,
    /// Documents that the updates of this run matched.
    pub matched: u64,
    /// Documents that the updates of this run changed.
    pub modified: u64,
    /// Batches that this run committed.
    pub batches: u64,
    /// Whether the backfill resumed where an earlier run had stopped.
    pub resumed: bool,
}
