//! The reports of `tag`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{named::Named, state::Who};

/// A name for a state of the history: for the set of migrations that were applied when it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tag {
    /// The name.
    pub name: String,
    /// How many migrations were applied when the name was given.
    pub applied: u64,
    /// The migration that had been applied last.
    pub last: Named,
    /// When the name was given, by the server's clock.
    pub at: DateTime<Utc>,
    /// The process that gave it.
    pub by: Who,
    /// Why, in the operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How many migrations `down --to-tag` would roll back; 0: it names the present state. `None`: no
    /// number of rollbacks leads there, because a migration that was applied then is not applied any
    /// more, or was applied again after others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub later: Option<usize>,
}

/// What `tag --list` returns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TagsReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The tags, oldest first.
    pub tags: Vec<Tag>,
}

/// What became of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum TagAction {
    /// The name was given to the present state.
    Set,
    /// The name was taken from another state, and given to the present one.
    Moved,
    /// The present state had the name already: nothing was written.
    Unchanged,
    /// The name was removed.
    Removed,
}

/// What `tag NAME` and `tag --remove NAME` return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TagReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The name.
    pub name: String,
    /// What became of it.
    pub action: TagAction,
    /// How many migrations are applied in the state that has the name, or had it.
    pub applied: u64,
    /// The migration that was applied last in that state.
    pub last: Named,
}
