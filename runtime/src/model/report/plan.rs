//! The reports of `plan` and `check`.

use serde::{Deserialize, Serialize};

use crate::model::{
    kind::MigrationKind, lint::Lint, named::Named, state::Direction, version::Version,
};

/// One migration in a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlanStep {
    /// The version of the migration.
    pub version: Version,
    /// The name of the migration.
    pub name: String,
    /// The kind of the migration.
    pub kind: MigrationKind,
    /// Whether it would be applied or rolled back.
    pub direction: Direction,
    /// Whether it can be rolled back afterwards.
    pub reversible: bool,
    /// Whether it was interrupted, and is resumed.
    pub resumes: bool,
    /// Where it is declared, as `file:line`.
    pub source: String,
    /// The operations of a declared migration, in the order in which they would run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<DeclaredOperation>,
}

/// One operation of a declared migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeclaredOperation {
    /// What the operation does.
    pub operation: String,
    /// What undoes the operation.
    pub undo: String,
    /// The collection whose documents the operation changes; `None` if it changes no documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// How many documents the operation would change in the database as it is now: without the
    /// operations before it. `None` if it changes no documents, or if counting takes longer than
    /// 5 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<u64>,
}

/// A migration that the selected labels leave out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// The version of the migration.
    pub version: Version,
    /// The name of the migration.
    pub name: String,
    /// Its labels; those after a `!` exclude it.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Why these labels leave it out, where those are selected that are: `asks for eu or uk; selected: none`.
    #[serde(default)]
    pub why: String,
}

/// What `up`, `down` or `redo` would do. Nothing was written, and no lock was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlanReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The migrations that would run, in their order.
    pub steps: Vec<PlanStep>,
    /// Migrations that would be recorded as skipped, as their labels are not selected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<LeftOut>,
    /// The labels that are selected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selected: Vec<String>,
    /// The squash that would be recorded as standing for what is applied, without being run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands: Option<Named>,
    /// The lints, where they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lints: Vec<Lint>,
    /// Applied migrations that this build does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<Named>,
    /// For a rollback: migrations that are pending afterwards, and older than one that stays applied.
    /// Every run and start of a build that has them is refused from then on, until it is decided what
    /// becomes of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late: Vec<Named>,
}

/// What `check` found in a database that this build fits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CheckReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// How many migrations are applied.
    pub applied: usize,
    /// The pending migrations, where pending migrations are allowed; otherwise they are an error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<Named>,
    /// Applied migrations that this build does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<Named>,
}
