//! The reports of `plan` and `check`.

use serde::{Deserialize, Serialize};

use crate::model::{
    kind::MigrationKind, lint::Lint, named::Named, state::Direction, version::Version,
};

/// One migration in a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlanStep {
    /// Its version.
    pub version: Version,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub kind: MigrationKind,
    /// Whether it would be applied or rolled back.
    pub direction: Direction,
    /// Whether it can be rolled back afterwards.
    pub reversible: bool,
    /// Whether it resumes what was interrupted.
    pub resumes: bool,
    /// Where it is declared.
    pub source: String,
    /// The operations of a declared migration, in the order in which they would run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<DeclaredOperation>,
}

/// One operation of a declared migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeclaredOperation {
    /// What it does.
    pub operation: String,
    /// What undoes it.
    pub undo: String,
    /// The collection whose documents it changes; none if it changes no documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// How many documents it would change, as the database is now: before the operations that
    /// come first. None if it changes none, or if counting takes longer than 5 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<u64>,
}

/// What `up`, `down` or `redo` would do. Nothing was written, no lock taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlanReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The steps, in their order.
    pub steps: Vec<PlanStep>,
    /// What would better be done otherwise, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lints: Vec<Lint>,
    /// Applied migrations that this build does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<Named>,
}

/// What `check` found: a database that this build fits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CheckReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// How many migrations are applied.
    pub applied: usize,
    /// What is pending, where that is allowed; otherwise it is an error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<Named>,
    /// Applied migrations that this build does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<Named>,
}
