//! The report of `history`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use crate::model::{
    state::{Direction, Who},
    version::Version,
};

/// One event in the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HistoryEvent {
    /// The migration's version; none for events of the lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The migration's name.
    pub name: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What happened: `applied`, `reverted`, `failed`, `running`, `baseline`, `imported`,
    /// `resolved`, `repaired`, `turned` (it failed half-way, and goes the other way from there),
    /// `force_unlocked`.
    pub event: String,
    /// Which way it went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Under which fence number.
    pub fence: i64,
    /// Who did it.
    pub by: Who,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// What `history` says: the last events of every migration, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HistoryReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The events.
    pub events: Vec<HistoryEvent>,
}
