//! The report of `history`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use crate::model::{
    release::release_of,
    state::{Direction, Who},
    version::Version,
};

/// One event of a migration or of the lock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HistoryEvent {
    /// The migration's version; none for events of the lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The migration's name.
    pub name: String,
    /// When it happened, by the server's clock.
    pub at: DateTime<Utc>,
    /// What happened: `applied`, `reverted`, `failed`, `running`, `baseline`, `imported`,
    /// `resolved`, `repaired`, `turned` (it failed half-way, and changed its direction),
    /// `force_unlocked`, `paused`, `resumed`, `tuned`, `cancel_asked`, `tagged`, `untagged`.
    pub event: String,
    /// Whether the migration was applied or rolled back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The fence number of the process.
    pub fence: i64,
    /// The process that did it.
    pub by: Who,
    /// Why the migration failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Why an operator asked for it, which settings were changed, or the name of the tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The digest of the approved plan that was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The names of the states that this event led to: tags that are still there, at the event that
    /// applied the last migration of such a state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

impl HistoryReport {
    /// The releases of the events, in their order. Names that are empty are left out.
    pub fn releases(&self) -> Vec<&str> {
        let mut known: Vec<&str> = Vec::new();
        for release in self.events.iter().map(|event| event.by.release()) {
            if !release.is_empty() && !known.contains(&release) {
                known.push(release);
            }
        }
        known
    }

    /// Keeps the events of one release: those whose process had this name as
    /// [`Who::release`](crate::Who::release).
    #[must_use]
    pub fn of_release(mut self, release: &str) -> Self {
        let release = release_of(release);
        self.events.retain(|event| event.by.release() == release);
        self
    }
}

/// What `history` returns: the last events of every migration, oldest first.
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
