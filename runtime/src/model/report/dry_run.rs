//! The report of a dry run or a shadow run.

use serde::{Deserialize, Serialize};

use super::{failure::Failure, plan::PlanStep};
use crate::model::{lint::Lint, named::Named};

/// What a dry run or a shadow run did. It left nothing in the database.
///
/// A dry run returns `Ok` even if a migration failed in it: ask [`is_ok`](Self::is_ok).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DryRunReport {
    /// The group.
    pub group: String,
    /// The database whose migrations were tried.
    pub database: String,
    /// Whether this was a dry run or a shadow run.
    pub dry_run: DryRunKind,
    /// The migrations, in their order.
    pub steps: Vec<DryRunStep>,
    /// How many times the transaction was tried; 1 for a shadow run.
    pub attempts: u32,
    /// How long the dry run took, in milliseconds.
    pub duration_ms: u64,
    /// Whether the commands of the migrations were seen. If not, install an
    /// [`Observer`](crate::Observer).
    pub observed: bool,
    /// The lints, where they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lints: Vec<Lint>,
    /// The scratch database of a shadow run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowReport>,
    /// The squash that would be recorded as standing for what is applied, without being run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands: Option<Named>,
    /// Applied migrations that this build does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<Named>,
}

impl DryRunReport {
    /// Whether every migration that was tried ran to its end.
    pub fn is_ok(&self) -> bool {
        self.steps
            .iter()
            .all(|step| matches!(step.outcome, DryRunOutcome::Ran | DryRunOutcome::Skipped))
    }

    /// The migrations that ran to their end.
    pub fn ran(&self) -> impl Iterator<Item = &DryRunStep> {
        self.steps.iter().filter(|step| step.outcome == DryRunOutcome::Ran)
    }
}

/// Where a dry run executes the migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum DryRunKind {
    /// In the database itself, in one transaction that is aborted: a dry run.
    Transaction,
    /// In a scratch database with a sample of the data, which is dropped: a shadow run.
    Shadow,
}

/// One migration of a dry run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DryRunStep {
    /// The migration, as the plan has it.
    #[serde(flatten)]
    pub planned: PlanStep,
    /// How the migration ended.
    pub outcome: DryRunOutcome,
    /// How long the migration took, in milliseconds.
    pub duration_ms: u64,
    /// Why the migration failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The commands that the migration sent, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<CommandReport>,
}

/// How one migration of a dry run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum DryRunOutcome {
    /// It ran to its end.
    Ran,
    /// It failed, as it would in a run.
    Failed,
    /// In every attempt another client wrote to the same documents at the same time. A run, which
    /// locks the documents of one migration at a time, may succeed.
    Conflict,
    /// It did not end within the timeout of the dry run.
    TimedOut,
    /// Not tried: an abort cannot undo an online or declared migration.
    Skipped,
    /// Not tried: a migration before it did not run to its end.
    NotRun,
}

/// One command of a migration, or several of the same kind. A count is `None` if the command has no
/// such count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CommandReport {
    /// The name of the command, e.g. `update`.
    pub command: String,
    /// The database and the collection, e.g. `shop.users`.
    pub namespace: String,
    /// How many commands this is: 1 for the first 1,000 of a migration; the rest are added up.
    pub times: u64,
    /// Documents that the command matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<u64>,
    /// Documents that the command changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<u64>,
    /// Documents that the command inserted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inserted: Option<u64>,
    /// Documents that an upsert inserted, as none matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upserted: Option<u64>,
    /// Documents that the command deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<u64>,
    /// Documents (or values) that the command returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<u64>,
    /// How long the command took, in microseconds, including the network.
    pub duration_us: u64,
    /// The error of the command: its code and name, never a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl CommandReport {
    /// How many documents the command wrote.
    pub fn written(&self) -> u64 {
        [self.modified, self.inserted, self.upserted, self.deleted].into_iter().flatten().sum()
    }
}

/// The scratch database of a dry run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ShadowReport {
    /// The name that it had. It is dropped.
    pub database: String,
    /// The most documents that were copied of each collection.
    pub sample: u32,
    /// How many collections and views were copied.
    pub collections: usize,
    /// How many documents were copied.
    pub documents: u64,
    /// Scratch databases of killed shadow runs that this one dropped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub swept: Vec<String>,
}
