//! The report of `drift`: how the live schema differs from the schema that the migrations lead to.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{error::kind::Kind, named::Named};

/// How the schema of the database differs from the schema that the migrations of this build lead to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SchemaDriftReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// How many collections have models and were compared.
    pub compared: usize,
    /// The differences, sorted by collection and index.
    pub differences: Vec<SchemaDifference>,
    /// How many differences the ignore list hides.
    pub ignored: usize,
    /// The pending migrations: while there are any, differences are to be expected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<Named>,
    /// Applied migrations that this build does not have: their changes count as differences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<Named>,
    /// The documents that were sampled, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<SchemaSample>,
}

/// One difference between the live schema and the expected one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SchemaDifference {
    /// The collection.
    pub collection: String,
    /// The name of the index that the live schema has, or lacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// What differs.
    pub kind: SchemaDifferenceKind,
    /// The names of the options that differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// What the migrations lead to, as JSON. `None`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What is in the database, as JSON. `None`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// Commands for the MongoDB shell that make the database as expected. They change it past the
    /// history. Empty if no command can: then the documents have to move.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shell: Vec<String>,
    /// Operations of a declared migration after which what is in the database is expected:
    /// `drift --adopt` writes them. Empty if that cannot be declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub change: Vec<String>,
    /// What to write into the `#[model(…)]` of the type, or to remove from it, once the difference is
    /// adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
}

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum SchemaDifferenceKind {
    /// The collection does not exist, and the models want a validator or an index of it.
    CollectionMissing,
    /// No model, and no declared migration, names the collection.
    CollectionExtra,
    /// The collection is a collection, a view or a time series, and not what the models want.
    CollectionChanged,
    /// The models want a validator, and the collection has none.
    ValidatorMissing,
    /// The collection has a validator, and the models want none.
    ValidatorExtra,
    /// The validator, its level or its action is another one.
    ValidatorChanged,
    /// The index does not exist.
    IndexMissing,
    /// The index exists, and neither a model nor a declared migration has it.
    IndexExtra,
    /// The index has other keys, options or another name.
    IndexChanged,
}

impl SchemaDifferenceKind {
    /// The name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CollectionMissing => "collection_missing",
            Self::CollectionExtra => "collection_extra",
            Self::CollectionChanged => "collection_changed",
            Self::ValidatorMissing => "validator_missing",
            Self::ValidatorExtra => "validator_extra",
            Self::ValidatorChanged => "validator_changed",
            Self::IndexMissing => "index_missing",
            Self::IndexExtra => "index_extra",
            Self::IndexChanged => "index_changed",
        }
    }
}

impl fmt::Display for SchemaDifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How many of a collection's documents do not have the shape of its models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SchemaSample {
    /// The collection.
    pub collection: String,
    /// How many documents were sampled.
    pub documents: u64,
    /// How many of them do not have the shape of a model.
    pub misfits: u64,
    /// The fields that do not fit, with the number of documents where that is so. A document counts
    /// at each of its fields that does not fit. Empty for a collection with several models, where a
    /// misfit fits none of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<SchemaMisfit>,
}

/// A field that does not fit in some of the sampled documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SchemaMisfit {
    /// The path of the field, as in `models.snap`: `address.city`, `tags[]` for the elements of an
    /// array, `prices{}` for the values of a map, `address{}` for fields that the type does not have,
    /// and `.` for the document itself.
    pub field: String,
    /// In how many of the sampled documents the field does not fit, or is missing although it is
    /// required.
    pub documents: u64,
}

/// What `drift --adopt` declared, so that what is in the database is expected.
#[cfg(feature = "cli")]
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SchemaAdoptionReport {
    /// The database.
    pub database: String,
    /// The differences that the migration declares.
    pub adopted: Vec<SchemaDifference>,
    /// The differences that no migration can declare: they stay.
    pub left: Vec<SchemaDifference>,
    /// The migration that was written. `None`: nothing could be declared, and nothing was written.
    pub created: Option<mongrate_seal::create::Created>,
    /// The `models.snap` that was rewritten. `None`: it did not change, or the package of the
    /// migrations has none.
    pub models: Option<std::path::PathBuf>,
}

impl SchemaDriftReport {
    /// Whether the database has the expected schema, and all sampled documents fit. What the ignore
    /// list hides does not count.
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty() && self.samples.iter().all(|sample| sample.misfits == 0)
    }

    /// The kind of error that `drift --strict` reports: [`Kind::Pending`] if migrations are pending,
    /// so that differences are to be expected; otherwise [`Kind::NeedsOperator`]. `None` if the
    /// report is clean.
    pub fn refused(&self) -> Option<Kind> {
        match self.is_clean() {
            true => None,
            false if self.pending.is_empty() => Some(Kind::NeedsOperator),
            false => Some(Kind::Pending),
        }
    }
}
