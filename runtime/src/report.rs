//! Outcomes as data: what every verb returns, and what CLI, HTTP and tests print.
//!
//! The JSON shape is stable: fields may be added, none is renamed or removed within a
//! major version. Times are UTC (RFC 3339) by the server's clock, durations milliseconds.

use std::{error::Error as StdError, fmt};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    MigrationKind, ServerError, Version,
    error::{Drift, Named, Renamed, driver},
    lint::Lint,
    refusal::without_values,
};

/// The state of one migration in one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum State {
    /// Never applied, or rolled back: `up` will apply it.
    Pending,
    /// Applied.
    Applied,
    /// An online or declared migration that a process is running now.
    Running,
    /// An online or declared migration that was begun, and that no process is running: `up`
    /// resumes it.
    Interrupted,
    /// The last attempt failed: `up` tries it again.
    Failed,
}

impl State {
    /// As it is printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Applied => "applied",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which way a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub enum Direction {
    /// Applying.
    Up,
    /// Rolling back.
    Down,
}

impl Direction {
    /// `up` or `down`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Who did something: one process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Who {
    /// Its host's name.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// What the app calls itself, e.g. `clinic 1.2.0`. Empty if it does not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub app: String,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} pid {}", self.host, self.pid)?;
        if !self.app.is_empty() {
            write!(f, " ({})", self.app)?;
        }
        Ok(())
    }
}

/// Why a migration failed. Values of documents that the server quotes (as in a duplicate
/// key) are left out, as this is stored and may be shown to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    /// What it said.
    pub message: String,
    /// The server's error code, if it came from the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The name of the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_name: Option<String>,
}

impl Failure {
    /// Longest message that is kept, in bytes.
    pub const MESSAGE_BYTES_MAX: usize = 2_000;

    pub(crate) fn of(error: &(dyn StdError + 'static)) -> Self {
        let inner = driver::find(error);
        // The whole chain, outermost first, with the driver's verbose texts replaced.
        let mut texts: Vec<String> = Vec::new();
        for link in driver::chain(error) {
            let text = match link.downcast_ref::<mongodb::error::Error>() {
                Some(driver_error) => driver::describe(driver_error),
                None => plain(&link.to_string()),
            };
            if !texts.iter().any(|said| said.contains(&text)) {
                texts.push(text);
            }
            if link.is::<mongodb::error::Error>() {
                break;
            }
        }
        let mut message = without_values(&texts.join(": "));
        if message.len() > Self::MESSAGE_BYTES_MAX {
            let end = (0..=Self::MESSAGE_BYTES_MAX)
                .rev()
                .find(|at| message.is_char_boundary(*at))
                .unwrap_or(0);
            message.truncate(end);
            message.push('…');
        }
        let replied = driver::replied(error);
        Self {
            message,
            code: inner.and_then(driver::code).or_else(|| replied.and_then(ServerError::code)),
            code_name: inner.and_then(driver::code_name),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

/// Cuts the raw reply that the driver's own text appends, where a wrapper pasted it in.
fn plain(text: &str) -> String {
    match text.find(", labels: {") {
        Some(at) => text.get(..at).unwrap_or(text).to_owned(),
        None => text.to_owned(),
    }
}

/// What became of one migration in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum StepOutcome {
    /// Applied and recorded.
    Applied,
    /// Rolled back and recorded.
    Reverted,
    /// Failed; the failure is recorded.
    Failed,
    /// Stopped half-way by a cancellation or a lost lease.
    Interrupted,
    /// Its commit was sent, and the server could not be asked what became of it, or whether a
    /// majority has it: `status` tells, once the server is back.
    Unknown,
    /// Ran, and was rolled back, as one that was to be applied together with it did not get
    /// through (`--atomic`).
    Aborted,
    /// Not tried, as the run ended before; or an election took it back, and the run ended before
    /// it was done again. Nothing of it is there.
    NotRun,
}

/// One migration of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepReport {
    /// Its version.
    pub version: Version,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub kind: MigrationKind,
    /// Whether it was applied or rolled back.
    pub direction: Direction,
    /// What became of it.
    pub outcome: StepOutcome,
    /// How long it took, in milliseconds, by this process's monotonic clock.
    pub duration_ms: u64,
    /// How many times its transaction was tried.
    pub attempts: u32,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// What `up`, `down` and `redo` did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The batch number of what this call applied; none if it applied nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<i64>,
    /// The fence number under which it ran; none if there was nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fence: Option<i64>,
    /// The migrations of the run, in their order.
    pub steps: Vec<StepReport>,
    /// How long this call waited for others, in milliseconds.
    pub waited_ms: u64,
    /// Applied migrations that this build does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<Named>,
}

impl StepReport {
    /// Whether it did what it was to do, for good.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.outcome, StepOutcome::Applied | StepOutcome::Reverted)
    }
}

impl RunReport {
    /// The migrations that this run applied or rolled back for good.
    pub fn done(&self) -> impl Iterator<Item = &StepReport> {
        self.steps.iter().filter(|step| step.is_done())
    }

    /// The versions that this run applied or rolled back for good, in their order.
    pub fn versions(&self) -> Vec<Version> {
        self.done().map(|step| step.version).collect()
    }

    /// Whether there was nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

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

/// A number as people read it: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and its noun: `1 document`, `2,000 documents`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
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

/// One event in the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HistoryEvent {
    /// The migration's version; none for events of the lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The migration's name.
    pub name: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What happened: `applied`, `reverted`, `failed`, `running`, `baseline`, `imported`,
    /// `resolved`, `repaired`, `turned` (it failed half-way, and goes the other way from there),
    /// `force_unlocked`.
    pub event: String,
    /// Which way it went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Under which fence number.
    pub fence: i64,
    /// Who did it.
    pub by: Who,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// What `history` says: the last events of every migration, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HistoryReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The events.
    pub events: Vec<HistoryEvent>,
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
    /// For which migrations.
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
    /// The checksums that are recorded anew.
    pub checksums: Vec<Drift>,
    /// The names that are recorded anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renamed: Vec<Renamed>,
    /// Whether the digest of the history had to be rebuilt.
    pub digest_rebuilt: bool,
    /// Whether it was written; false when only shown.
    pub written: bool,
}

/// A collection in which a declared migration keeps what its rollback needs, or what a rollback
/// had to take away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeptCollection {
    /// Its name.
    pub name: String,
    /// The migration's version.
    pub version: Version,
    /// How many documents it holds.
    pub documents: u64,
    /// Whether the migration is applied: its rollback needs this.
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
    /// The collections.
    pub collections: Vec<KeptCollection>,
    /// Whether they are gone; false when only shown.
    pub purged: bool,
}

/// What `force_unlock` took away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnlockReport {
    /// The fence that was named.
    pub fence: i64,
    /// Who held the lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Who>,
    /// Whether its lease was still running.
    pub was_live: bool,
}

/// What `on_start` did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all = "lowercase")]
#[non_exhaustive]
pub enum StartReport {
    /// Pending migrations were applied, by this process or by one that it waited for.
    Migrate(RunReport),
    /// Nothing is pending.
    Check,
    /// Nothing was run; so many migrations are pending.
    Warn {
        /// How many.
        pending: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(counted(1, "document"), "1 document");
        assert_eq!(counted(5_000, "document"), "5,000 documents");
    }

    #[test]
    fn a_percentage_is_rounded_down() {
        assert_eq!(percent(1_999, 10_000), Some(19));
        assert_eq!(percent(9_999, 10_000), Some(99));
        assert_eq!(percent(12, 10), Some(100));
        assert_eq!(percent(1, 0), None);
    }

    #[test]
    fn a_duplicate_key_keeps_no_value() {
        let text = "E11000 duplicate key error collection: a.users index: email_1 dup key: { email: \"an}na@x\" } (code 11000)";
        let cut = without_values(text);
        assert!(!cut.contains("an}na"), "{cut}");
        assert!(cut.ends_with("dup key: {…} (code 11000)"), "{cut}");
    }
}
