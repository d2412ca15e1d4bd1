//! The report of one migration: all that is known of it.

use serde::{Deserialize, Serialize};

use super::{
    history::HistoryEvent,
    status::{MigrationStatus, StepProgress},
};
use crate::model::lint::Lint;

/// An operation of a declared migration, and its inverse, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OperationDetail {
    /// What the operation does.
    pub forward: String,
    /// What undoes it.
    pub back: String,
}

/// A part of the database that a declared migration touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Touched {
    /// The collection; `None` for the shards of a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// What of it, in words, e.g. ``the index `email_1` of `users` ``.
    pub what: String,
    /// Whether it is written, or only read.
    pub writes: bool,
}

/// A backfill that is not finished, and where it goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackfillDetail {
    /// How far it is.
    #[serde(flatten)]
    pub progress: StepProgress,
    /// How many batches have committed.
    pub batches: u64,
    /// Into how many parts the collection is divided.
    pub parts: usize,
    /// How many of them are finished.
    pub parts_done: usize,
    /// The `_id`s at which the other parts go on, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub positions: Vec<String>,
}

/// All that is known of one migration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MigrationDetail {
    /// The database.
    pub database: String,
    /// What `status` says of it.
    #[serde(flatten)]
    pub status: MigrationStatus,
    /// The crate that declares it; `None` if this build does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crate_name: Option<String>,
    /// The checksum that it has in this build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// The checksum that is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_checksum: Option<String>,
    /// Whether it may be older than applied migrations.
    pub out_of_order: bool,
    /// The collections of which it may write many documents, as it says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
    /// The lints that it acknowledges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allows: Vec<String>,
    /// The operations of a declared migration, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<OperationDetail>,
    /// What a declared migration touches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub footprint: Vec<Touched>,
    /// Its backfills that are not finished.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backfills: Vec<BackfillDetail>,
    /// The names of states in which it was applied last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Its last events, oldest first: at most 20.
    pub events: Vec<HistoryEvent>,
    /// The lints, if it is pending: what a run of it could do better.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lints: Vec<Lint>,
}
