//! The answer with the differences between the live schema and the expected one.

use serde::Serialize;
use utoipa::ToSchema;

use super::report::{Named, named};
use crate::{SchemaDifferenceKind, model::report::schema_drift as report};

/// How the schema of the database differs from the schema that the migrations of this build lead to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SchemaDriftReport)]
pub(in crate::http) struct SchemaDrift {
    /// The group.
    group: String,
    /// The database.
    database: String,
    /// How many collections have models and were compared.
    compared: usize,
    /// The differences, sorted by collection and index.
    differences: Vec<Difference>,
    /// How many differences the app's ignore list hides.
    ignored: usize,
    /// The pending migrations: while there are any, differences are to be expected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pending: Vec<Named>,
    /// Applied migrations that this build does not have: their changes count as differences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    ahead: Vec<Named>,
    /// The documents that were sampled, if the request asks for a sample.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    samples: Vec<Sample>,
}

/// One difference between the live schema and the expected one.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SchemaDifference)]
pub(in crate::http) struct Difference {
    /// The collection.
    collection: String,
    /// The name of the index that the live schema has, or lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<String>,
    /// What differs.
    kind: SchemaDifferenceKind,
    /// The names of the options that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    options: Vec<String>,
    /// What the migrations lead to, as JSON; left out if it is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    /// What is in the database, as JSON; left out if it is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    /// Commands of the MongoDB shell that make the database as expected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    shell: Vec<String>,
    /// Operations of a declared migration after which what is in the database is expected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    change: Vec<String>,
    /// What to write into the model of the type, or to remove from it, with that migration.
    #[serde(skip_serializing_if = "Option::is_none")]
    attribute: Option<String>,
}

/// How many of a collection's documents do not have the shape of its models.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SchemaSample)]
pub(in crate::http) struct Sample {
    /// The collection.
    collection: String,
    /// How many documents were sampled.
    documents: u64,
    /// How many of them do not have the shape of a model.
    misfits: u64,
    /// The fields that do not fit, with the number of documents where that is so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    fields: Vec<Misfit>,
}

/// A field that does not fit in some of the sampled documents.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SchemaMisfit)]
pub(in crate::http) struct Misfit {
    /// The path of the field.
    field: String,
    /// In how many of the sampled documents the field does not fit, or is missing.
    documents: u64,
}

impl From<report::SchemaDriftReport> for SchemaDrift {
    fn from(report: report::SchemaDriftReport) -> Self {
        Self {
            group: report.group,
            database: report.database,
            compared: report.compared,
            differences: report.differences.into_iter().map(Difference::from).collect(),
            ignored: report.ignored,
            pending: named(report.pending),
            ahead: named(report.ahead),
            samples: report.samples.into_iter().map(Sample::from).collect(),
        }
    }
}

impl From<report::SchemaDifference> for Difference {
    fn from(difference: report::SchemaDifference) -> Self {
        let report::SchemaDifference {
            collection,
            index,
            kind,
            options,
            expected,
            found,
            shell,
            change,
            attribute,
        } = difference;
        Self { collection, index, kind, options, expected, found, shell, change, attribute }
    }
}

impl From<report::SchemaSample> for Sample {
    fn from(sample: report::SchemaSample) -> Self {
        let report::SchemaSample { collection, documents, misfits, fields } = sample;
        let fields = fields
            .into_iter()
            .map(|report::SchemaMisfit { field, documents }| Misfit { field, documents });
        Self { collection, documents, misfits, fields: fields.collect() }
    }
}
