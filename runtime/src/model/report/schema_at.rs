//! The report of `schema --at`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::version::Version;

/// What the migrations up to a version lead to in an empty database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SchemaAtReport {
    /// The group.
    pub group: String,
    /// The version.
    pub version: Version,
    /// The schema as text, as [`Migrator::schema`](crate::Migrator::schema) returns it.
    pub schema: String,
    /// The same as operations of a declared migration, in an order in which they can run.
    pub operations: Vec<String>,
    /// The documents of the collections that were asked for, as Rust code, in the order of their `_id`s.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub documents: BTreeMap<String, Vec<String>>,
    /// How many documents the other collections have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, u64>,
    /// What cannot be written as code, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unwritable: Vec<String>,
    /// The collections that there are then, views not among them.
    #[serde(default)]
    pub collections: Vec<String>,
}
