//! The checkpoints of backfills: documents of the control collection, each with a range of `_id`s and how far it is done.

pub(crate) mod partition;
pub(crate) mod progress;
pub(crate) mod range;
pub(crate) mod reach;
