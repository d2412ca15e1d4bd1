//! The answers with tags.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{holder::Holder, report::Named};
use crate::model::report::tag;

/// A name for a state of the history.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct Tag {
    /// The name.
    name: String,
    /// How many migrations were applied when the name was given.
    applied: u64,
    /// The migration that had been applied last.
    last: Named,
    /// When the name was given, by MongoDB's clock.
    at: DateTime<Utc>,
    /// The process that gave it.
    by: Holder,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// How many migrations a rollback to the tag would roll back; 0: it names the present state. Left
    /// out if no number of rollbacks leads there.
    #[serde(skip_serializing_if = "Option::is_none")]
    later: Option<usize>,
}

/// The names of states, oldest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TagsReport)]
pub(in crate::http) struct Tags {
    /// The group.
    group: String,
    /// The database.
    database: String,
    /// The tags.
    tags: Vec<Tag>,
}

impl From<tag::TagsReport> for Tags {
    fn from(report: tag::TagsReport) -> Self {
        let tag::TagsReport { group, database, tags } = report;
        let one = |one: tag::Tag| {
            let tag::Tag { name, applied, last, at, by, why, later } = one;
            Tag { name, applied, last: last.into(), at, by: by.into(), why, later }
        };
        Self { group, database, tags: tags.into_iter().map(one).collect() }
    }
}

/// What became of a tag.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TagReport)]
pub(in crate::http) struct Tagged {
    /// The group.
    group: String,
    /// The database.
    database: String,
    /// The name.
    name: String,
    /// What became of it.
    action: crate::TagAction,
    /// How many migrations are applied in the state that has the name, or had it.
    applied: u64,
    /// The migration that was applied last in that state.
    last: Named,
}

impl From<tag::TagReport> for Tagged {
    fn from(report: tag::TagReport) -> Self {
        let tag::TagReport { group, database, name, action, applied, last } = report;
        Self { group, database, name, action, applied, last: last.into() }
    }
}
