//! The report of a backfill.

use serde::{Deserialize, Serialize};

/// What a backfill did in this run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackfillReport {
    /// Documents that it walked over, those of earlier runs included.
    pub documents: u64,
    /// Documents that the updates of this run matched.
    pub matched: u64,
    /// Documents that the updates of this run changed.
    pub modified: u64,
    /// Batches of this run.
    pub batches: u64,
    /// It went on where an earlier run had stopped.
    pub resumed: bool,
}
