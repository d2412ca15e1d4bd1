//! The report of `status`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    failure::Failure,
    steering::{Asked, RunPosition, Tuned},
};
use crate::model::{
    kind::MigrationKind,
    numbers::grouped,
    policies::PolicyReport,
    state::{Direction, State, Who},
    version::Version,
};

/// One migration in the status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MigrationStatus {
    /// The version of the migration.
    pub version: Version,
    /// The name of the migration.
    pub name: String,
    /// The name in the record, if it differs: then the record belongs to another migration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_as: Option<String>,
    /// The state of the migration.
    pub state: State,
    /// The kind of the migration.
    pub kind: MigrationKind,
    /// Whether it can be rolled back.
    pub reversible: bool,
    /// Whether this build has it.
    pub linked: bool,
    /// Whether its body changed after it was applied.
    pub drifted: bool,
    /// The batch in which it was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<i64>,
    /// When it was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<DateTime<Utc>>,
    /// How long applying it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The process that applied it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Who>,
    /// Why its last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What can be done about it if only a part of it is in the database; `None` if all of it is,
    /// or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_done: Option<HalfDone>,
    /// The finished steps of an online migration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finished_steps: Vec<String>,
    /// The backfills that are running, or were interrupted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub progress: Vec<StepProgress>,
    /// How far these backfills are together, in whole percent; `None` if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// The direction of a running or interrupted migration: `down` is a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Whether it is repeatable: it has no version, and runs again when its body changes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeatable: bool,
    /// The labels that it applies for; those after a `!` exclude it. Empty: it applies everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// For a squash that the next `up` records, without running it: how many applied migrations it stands
    /// for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands_for: Option<usize>,
    /// The squash that the next `up` records as standing for this one, which this build does not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<Version>,
    /// Where it is declared, as `file:line`; `None` if this build does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its group.
    #[serde(default)]
    pub group: String,
    /// The release that applied it: the name that the app gave itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The newest version that it stands for, if it is a squash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Version>,
    /// The migrations of other groups that come first, as `group::version`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// When something last happened to it, by the server's clock; `None` if nothing ever did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_at: Option<DateTime<Utc>>,
}

/// What can be done about a half-done migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HalfDone {
    /// The direction in which it stopped: `down` is a rollback.
    pub direction: Direction,
    /// Whether `up` leads to an applied migration: it resumes the migration, or finishes its
    /// rollback first, or gives its rollback up.
    pub up: bool,
    /// Whether `up` gives up its rollback, and goes forward from where the rollback failed.
    pub gives_up_rollback: bool,
    /// Whether `down` removes the part that is in the database.
    pub down: bool,
}

/// How far a backfill is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepProgress {
    /// The name of the backfill's step.
    pub name: String,
    /// Documents that the backfill has walked over.
    pub documents: u64,
    /// Documents that there were when the backfill began; `None` if counting would take too
    /// long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Documents per second, on average since the backfill began or resumed; `None` while it is
    /// interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u64>,
    /// How long the rest takes at that rate, in milliseconds; `None` while it is interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_ms: Option<u64>,
    /// When its last batch committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<DateTime<Utc>>,
}

impl MigrationStatus {
    /// The state as it is printed: `applied`, `interrupted at 19 %`.
    pub fn state_text(&self) -> String {
        match (self.state, self.percent) {
            (State::Running | State::Interrupted, Some(percent)) => {
                format!("{} at {percent} %", self.state)
            }
            (state, _) => state.to_string(),
        }
    }
}

impl StepProgress {
    /// How far the backfill is, in words: ``walk` at 190 of 1,000 documents (19 %)`.
    pub(crate) fn place(&self) -> String {
        let documents = grouped(self.documents);
        match (self.total, self.percent()) {
            (Some(total), Some(percent)) => {
                format!(
                    "`{}` at {documents} of {} documents ({percent} %)",
                    self.name,
                    grouped(total)
                )
            }
            _ => format!("`{}` at {documents} documents", self.name),
        }
    }

    /// How far the backfill is, in whole percent; `None` if the total is not known.
    pub fn percent(&self) -> Option<u8> {
        percent(self.documents, self.total?)
    }
}

/// `done` of `total` in percent, rounded down: 100 means all of it. `done` may be above `total`,
/// which was counted earlier.
pub(crate) fn percent(done: u64, total: u64) -> Option<u8> {
    let percent = done.saturating_mul(100).checked_div(total)?.min(100);
    u8::try_from(percent).ok()
}

/// The lock, by the server's clock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LockReport {
    /// Whether a process holds the lock, with a lease that still runs.
    pub held: bool,
    /// The process that holds the lock, or that held it last and did not release it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Who>,
    /// The fence number of the last process that took the lock.
    pub fence: i64,
    /// When the holder took the lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// When the lease runs out, unless it is renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// How long the lease still runs, in milliseconds; 0 if it has run out.
    pub remaining_ms: u64,
    /// Whether the holder was a process of the machine that asks, and has ended. Its lease may
    /// still run; the next run on this machine takes the lock at once (unless
    /// [`local_takeover`](crate::Migrator::local_takeover) is off). `false` if that is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dead: bool,
    /// Set while the holder can do nothing yet: a process that is gone left a transaction open, and
    /// the server refuses to end it before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for_transaction: Option<TransactionWait>,
    /// The pause that an operator asked for: nothing more begins, whichever process has the lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Asked>,
    /// The settings that operators have changed of the run under way, or of one that did not release
    /// the lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuned: Option<Tuned>,
    /// The request that ends the run under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_asked: Option<Asked>,
    /// How far the run under way is, as of its last heartbeat; `None` before its first one, and if
    /// there is no run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<RunPosition>,
}

/// A wait for the server to end a transaction by its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TransactionWait {
    /// When it began.
    pub since: DateTime<Utc>,
    /// When the server should have ended the transaction.
    pub until: DateTime<Utc>,
}

impl LockReport {
    /// Whether a process that may be alive holds the lock.
    pub fn is_live(&self) -> bool {
        self.held && !self.dead
    }
}

/// What `status` returns. Each migration is counted once: `applied`, `pending`, `failed`,
/// `running`, `interrupted`, `skipped`, `replaced` and `orphaned` add up to the number of migrations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatusReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The control collection.
    pub collection: String,
    /// How many migrations are applied.
    pub applied: usize,
    /// How many are pending: never applied, or rolled back. Failed and interrupted migrations,
    /// which `up` tries again, are not counted here.
    pub pending: usize,
    /// How many failed.
    #[serde(default)]
    pub failed: usize,
    /// How many are being run by a process now.
    #[serde(default)]
    pub running: usize,
    /// How many were begun, and are run by no process now.
    #[serde(default)]
    pub interrupted: usize,
    /// How many the selected labels leave out.
    #[serde(default)]
    pub skipped: usize,
    /// How many of this build a squash stands for.
    #[serde(default)]
    pub replaced: usize,
    /// How many were rolled back, and are unknown to this build.
    #[serde(default)]
    pub orphaned: usize,
    /// The labels that are selected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selected: Vec<String>,
    /// The app that asks, as it calls itself; empty if it has no name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub app: String,
    /// Every migration that this build or the database knows, oldest version first.
    pub migrations: Vec<MigrationStatus>,
    /// The lock.
    pub lock: LockReport,
    /// The policies that hold in this database, of `mongrate.toml` and of the builder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyReport>,
}

impl StatusReport {
    /// How many migrations `up` would apply: all of this build that are neither applied, skipped nor replaced.
    pub fn unapplied(&self) -> usize {
        let is_unapplied = |migration: &&MigrationStatus| {
            migration.linked
                && !matches!(migration.state, State::Applied | State::Skipped | State::Replaced)
        };
        self.migrations.iter().filter(is_unapplied).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_rounded_down() {
        assert_eq!(percent(1_999, 10_000), Some(19));
        assert_eq!(percent(9_999, 10_000), Some(99));
        assert_eq!(percent(12, 10), Some(100));
        assert_eq!(percent(1, 0), None);
    }
}
