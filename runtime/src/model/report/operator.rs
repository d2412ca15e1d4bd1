//! The reports of the verbs that operators use: records, repairs, purges, imports, the lock.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{
    named::{Drift, Named, Renamed},
    state::{State, Who},
    tool::Tool,
    version::Version,
};

/// What [`Migrator::import`] recorded, or would record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImportReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The other tool.
    pub from: Tool,
    /// Its collection.
    pub collection: String,
    /// What is recorded, or would be.
    pub imported: Vec<Imported>,
    /// What is applied here already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub already: Vec<Imported>,
    /// Entries that match no migration of this build.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmatched: Vec<String>,
    /// Entries that the mapping leaves out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Whether it was written; a preview was not.
    pub written: bool,
}

/// One migration that another tool has applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Imported {
    /// Its version here.
    pub version: Version,
    /// Its name here.
    pub name: String,
    /// What the other tool calls it; for golang-migrate, its last version.
    pub entry: String,
    /// When the other tool applied it, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<DateTime<Utc>>,
}

impl Imported {
    /// Version and name.
    pub fn named(&self) -> Named {
        Named { version: self.version, name: self.name.clone() }
    }
}

/// What `baseline` and `resolve` recorded without running anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The state that was recorded.
    pub state: State,
    /// For which migrations.
    pub migrations: Vec<Named>,
}

/// What `repair` changed, or would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RepairReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The checksums that are recorded anew.
    pub checksums: Vec<Drift>,
    /// The names that are recorded anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renamed: Vec<Renamed>,
    /// Whether the digest of the history had to be rebuilt.
    pub digest_rebuilt: bool,
    /// Whether it was written; false when only shown.
    pub written: bool,
}

/// A collection in which a declared migration keeps what its rollback needs, or what a rollback
/// had to take away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeptCollection {
    /// Its name.
    pub name: String,
    /// The migration's version.
    pub version: Version,
    /// How many documents it holds.
    pub documents: u64,
    /// Whether the migration is applied: its rollback needs this.
    pub applied: bool,
    /// When the migration was last applied or rolled back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
}

/// What `purge` removed, or would remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PurgeReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The collections.
    pub collections: Vec<KeptCollection>,
    /// Whether they are gone; false when only shown.
    pub purged: bool,
}

/// What `force_unlock` took away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnlockReport {
    /// The fence that was named.
    pub fence: i64,
    /// Who held the lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Who>,
    /// Whether its lease was still running.
    pub was_live: bool,
}
