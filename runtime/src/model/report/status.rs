//! The report of `status`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use crate::model::{
    kind::MigrationKind,
    state::{Direction, State, Who},
    version::Version,
};

/// One migration in the status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MigrationStatus {
    /// Its version.
    pub version: Version,
    /// Its name.
    pub name: String,
    /// The name in its record, where that is another one: then the record is of another migration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_as: Option<String>,
    /// Its state.
    pub state: State,
    /// What it may do.
    pub kind: MigrationKind,
    /// Whether it can be rolled back.
    pub reversible: bool,
    /// Whether this build has it.
    pub linked: bool,
    /// Whether its body changed after being applied.
    pub drifted: bool,
    /// The batch in which it was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<i64>,
    /// When it was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<DateTime<Utc>>,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Who applied it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Who>,
    /// Why its last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What can be done about it where a part of it is in the database; none if all of it is, or
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_done: Option<HalfDone>,
    /// The finished steps of an online migration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finished_steps: Vec<String>,
    /// The backfills that are under way, or were interrupted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub progress: Vec<StepProgress>,
    /// How far those backfills are, in whole percent; none if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// Which way a running or interrupted migration goes: `down` is a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Where it is declared; none if this build does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// What can be done about a migration of which a part is in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HalfDone {
    /// Which way it was going: `down` is a rollback.
    pub direction: Direction,
    /// Whether `up` makes it applied: it resumes it, finishes its rollback first, or gives its
    /// rollback up.
    pub up: bool,
    /// Whether `up` gives its rollback up, and goes forward from where that failed.
    pub gives_up_rollback: bool,
    /// Whether `down` takes the part away that is there.
    pub down: bool,
}

/// How far a backfill is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepProgress {
    /// The name of its step.
    pub name: String,
    /// Documents that it has walked over.
    pub documents: u64,
    /// Documents that there were when it began; none if counting them would have taken long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Documents per second, on average since it was begun or resumed; none while it is
    /// interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u64>,
    /// How long the rest takes at that rate, in milliseconds; none while it is interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_ms: Option<u64>,
    /// When its last batch was done.
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
    /// How far it is, in whole percent; none if the number of documents is not known.
    pub fn percent(&self) -> Option<u8> {
        percent(self.documents, self.total?)
    }
}

/// Rounded down, so that 100 means all of it. There may be more documents than were counted.
pub(crate) fn percent(done: u64, total: u64) -> Option<u8> {
    let percent = done.saturating_mul(100).checked_div(total)?.min(100);
    u8::try_from(percent).ok()
}

/// The lock, as the server sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LockReport {
    /// Whether somebody holds it, with a lease that still runs.
    pub held: bool,
    /// Who holds it, or held it last without giving it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Who>,
    /// The fence number of the last acquisition.
    pub fence: i64,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// When the lease runs out, unless it is renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// How long the lease still runs, in milliseconds; 0 when it has run out.
    pub remaining_ms: u64,
    /// Whether the holder was a process of the machine that asks, and has ended: its lease may
    /// still run, and the next run on that machine takes the lock at once (unless
    /// [`local_takeover`](crate::Migrator::local_takeover) is off). False where that is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dead: bool,
}

impl LockReport {
    /// Whether a process holds the lock that may be alive.
    pub fn is_live(&self) -> bool {
        self.held && !self.dead
    }
}

/// What `status` says. Each migration is counted once: `applied`, `pending`, `failed`, `running`,
/// `interrupted` and `orphaned` add up to the number of migrations.
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
    /// How many are pending: never applied, or rolled back. The failed and the interrupted ones,
    /// which `up` tries again, are not among them.
    pub pending: usize,
    /// How many failed.
    #[serde(default)]
    pub failed: usize,
    /// How many a process is running.
    #[serde(default)]
    pub running: usize,
    /// How many were begun, and no process is running them.
    #[serde(default)]
    pub interrupted: usize,
    /// How many were rolled back, and are not in this build.
    #[serde(default)]
    pub orphaned: usize,
    /// Every migration that this build or the database knows, oldest version first.
    pub migrations: Vec<MigrationStatus>,
    /// The lock.
    pub lock: LockReport,
}

impl StatusReport {
    /// How many migrations `up` would apply: all of this build that are not applied.
    pub fn unapplied(&self) -> usize {
        let is_open = |one: &&MigrationStatus| one.linked && one.state != State::Applied;
        self.migrations.iter().filter(is_open).count()
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
