//! What a dry run says, as data.

use serde::{Deserialize, Serialize};

use super::{failure::Failure, plan::PlanStep};
use crate::model::{lint::Lint, named::Named};

/// What a dry run did instead of a run. Of none of it is anything left in the database.
///
/// It is an `Ok` whatever became of the migrations: ask [`is_ok`](Self::is_ok).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DryRunReport {
    /// The group.
    pub group: String,
    /// The database whose migrations were tried.
    pub database: String,
    /// How it was done.
    pub dry_run: DryRunKind,
    /// The steps, in their order.
    pub steps: Vec<DryRunStep>,
    /// How often the transaction was tried, or the run in the scratch database (1).
    pub attempts: u32,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Whether the commands of the migrations were seen. If not: install an
    /// [`Observer`](crate::Observer).
    pub observed: bool,
    /// What would better be done otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lints: Vec<Lint>,
    /// The scratch database, where one was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowReport>,
    /// Applied migrations that this build does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<Named>,
}

impl DryRunReport {
    /// Whether everything that was tried ran to its end.
    pub fn is_ok(&self) -> bool {
        self.steps
            .iter()
            .all(|step| matches!(step.outcome, DryRunOutcome::Ran | DryRunOutcome::Skipped))
    }

    /// The steps that ran to their end.
    pub fn ran(&self) -> impl Iterator<Item = &DryRunStep> {
        self.steps.iter().filter(|step| step.outcome == DryRunOutcome::Ran)
    }
}

/// How a dry run is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum DryRunKind {
    /// In the database itself, in one transaction that is aborted.
    Transaction,
    /// In a scratch database with a sample of the data, which is dropped.
    Shadow,
}

/// One migration of a dry run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DryRunStep {
    /// What was to be done.
    #[serde(flatten)]
    pub planned: PlanStep,
    /// What became of it.
    pub outcome: DryRunOutcome,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The commands that it sent, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<CommandReport>,
}

/// What became of one migration in a dry run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum DryRunOutcome {
    /// It ran to its end.
    Ran,
    /// It failed, as it would in a run.
    Failed,
    /// In every attempt something else wrote to the same documents at the same time. A run,
    /// which holds one migration's documents at a time, may get through.
    Conflict,
    /// It did not end within the time that the dry run has.
    TimedOut,
    /// Not tried, as its kind cannot be undone: online and declared migrations in a
    /// transaction.
    Skipped,
    /// Not tried, as one before it did not get through.
    NotRun,
}

/// One command of a migration, or several of the same kind. Counts are none where the command
/// has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CommandReport {
    /// Its name, as `update`.
    pub command: String,
    /// The database and the collection, as `shop.users`.
    pub namespace: String,
    /// How many commands: 1, but for what comes after the first 1,000 of a migration.
    pub times: u64,
    /// Documents that it matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<u64>,
    /// Documents that it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<u64>,
    /// Documents that it inserted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inserted: Option<u64>,
    /// Documents that it inserted as none matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upserted: Option<u64>,
    /// Documents that it deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<u64>,
    /// Documents (or values) that it read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<u64>,
    /// How long it took, in microseconds, the network included.
    pub duration_us: u64,
    /// The error that it ended with: code and name, never a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl CommandReport {
    /// How many documents it wrote.
    pub fn written(&self) -> u64 {
        [self.modified, self.inserted, self.upserted, self.deleted].into_iter().flatten().sum()
    }
}

/// The scratch database of a dry run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ShadowReport {
    /// Its name. It is dropped.
    pub database: String,
    /// The most documents that were copied of each collection.
    pub sample: u32,
    /// How many collections and views were copied.
    pub collections: usize,
    /// How many documents were copied.
    pub documents: u64,
    /// Left-over scratch databases of killed runs, dropped on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub swept: Vec<String>,
}
