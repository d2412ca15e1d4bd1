//! The reports of the verbs that operators use: records, repairs, purges, imports, the lock.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{
    named::{Drift, Named, Renamed},
    state::{State, Who},
    tool::Tool,
    version::Version,
};

/// What [`Migrator::import`](crate::Migrator::import) recorded, or would record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImportReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The other tool.
    pub from: Tool,
    /// The collection of the other tool.
    pub collection: String,
    /// The migrations that were recorded as applied, or would be.
    pub imported: Vec<Imported>,
    /// The migrations that are recorded as applied here already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub already: Vec<Imported>,
    /// Entries that match no migration of this build.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmatched: Vec<String>,
    /// Entries that the mapping leaves out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Whether the records were written; `false` for a preview.
    pub written: bool,
}

/// One migration that another tool has applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Imported {
    /// The version of this build's migration.
    pub version: Version,
    /// The name of this build's migration.
    pub name: String,
    /// What the other tool calls the migration; for golang-migrate, its last version.
    pub entry: String,
    /// When the other tool applied the migration, if its history has that.
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
    /// The migrations for which it was recorded.
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
    /// The migrations whose checksum is replaced by this build's.
    pub checksums: Vec<Drift>,
    /// The migrations whose name is replaced by this build's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renamed: Vec<Renamed>,
    /// Whether the digest of the history had to be rebuilt.
    pub digest_rebuilt: bool,
    /// Whether the records were written; `false` for a preview.
    pub written: bool,
}

/// A collection in which a declared migration keeps the values that its rollback needs, or in which
/// a rollback keeps the values that it had to take away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeptCollection {
    /// The name of the collection.
    pub name: String,
    /// The version of the migration.
    pub version: Version,
    /// How many documents the collection holds.
    pub documents: u64,
    /// Whether the migration is applied: then its rollback needs the collection.
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
    /// The kept collections.
    pub collections: Vec<KeptCollection>,
    /// Whether the collections were removed; `false` for a preview.
    pub purged: bool,
}

/// The lock that `force_unlock` took away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnlockReport {
    /// The fence number that the call named.
    pub fence: i64,
    /// The process that held the lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Who>,
    /// Whether the lease of that process was still running.
    pub was_live: bool,
}
