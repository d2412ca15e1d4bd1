//! What a listener is told: a run's events, as data.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{
    model::{
        error::{Error, kind::Kind, text},
        report::{
            failure::Failure,
            run::{RunReport, StepOutcome, StepReport},
        },
        state::{Direction, Who},
        version::Version,
    },
    telemetry::{progress::PlannedStep, visible},
};

/// Something that happened in a run; see [`Migrator::listen`](crate::Migrator::listen).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// The run.
    pub run: Arc<EventRun>,
    /// The place of the event among the events of its run, from 1. Numbers only rise; a gap is what
    /// [`EventKind::Missed`] counts.
    pub number: u64,
    /// When it happened, by this process's clock.
    pub at: DateTime<Utc>,
    /// What happened.
    pub kind: EventKind,
}

/// The run that an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventRun {
    /// An id of this run alone: a UUID.
    pub id: String,
    /// The verb.
    pub verb: RunVerb,
    /// The group of the migrations.
    pub group: String,
    /// The database.
    pub database: String,
    /// The process that runs, with the name of its app; over HTTP, with the name of the token.
    pub by: Who,
}

/// The verb of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RunVerb {
    /// Applies pending migrations; also at the start of an app.
    Up,
    /// Rolls applied migrations back.
    Down,
    /// Rolls the last applied migration back and applies it again.
    Redo,
}

impl RunVerb {
    /// `up`, `down` or `redo`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Redo => "redo",
        }
    }
}

/// A migration of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventMigration {
    /// The version.
    pub version: Version,
    /// The name.
    pub name: String,
    /// Whether it is applied or rolled back.
    pub direction: Direction,
}

/// An error that ended a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventError {
    /// [`Error::code`](crate::Error::code), e.g. `checksum_drift`.
    pub code: &'static str,
    /// [`Error::kind`](crate::Error::kind).
    pub kind: Kind,
    /// The error's text: what happened, in what state the database is, and the way out. May name
    /// servers; holds no password and no value of a document.
    pub message: String,
}

impl EventError {
    pub(crate) fn of(error: &Error) -> Self {
        Self { code: error.code(), kind: error.kind(), message: error.to_string() }
    }
}

/// How a run ended that had begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RunOutcome {
    /// All is done.
    Done,
    /// A migration failed, or the server was out of reach.
    Failed,
    /// The run was cancelled: by a signal, an operator, or as its future was dropped.
    Cancelled,
    /// The lock was lost, and another process goes on.
    LockLost,
}

impl RunOutcome {
    /// `done`, `failed`, `cancelled` or `lock_lost`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::LockLost => "lock_lost",
        }
    }
}

/// How serious an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// As planned.
    Info,
    /// Worth a look: a pause, a cancellation, something was taken back or missed.
    Warning,
    /// A person has to act.
    Error,
}

impl Severity {
    /// `info`, `warning` or `error`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// The run has the lock and begins. Sent again when the run begins anew after a take-over.
    RunBegan {
        /// The fence number of the run.
        fence: Option<i64>,
        /// The migrations that the run is going to try, in their order.
        pending: Vec<EventMigration>,
    },
    /// The run was refused, or could not begin: nothing was run.
    RunRefused {
        /// Why, and the way out.
        error: EventError,
    },
    /// A migration is about to begin: its transaction is not open yet.
    MigrationBegan {
        /// The migration.
        migration: EventMigration,
        /// Its place in the run, from 1.
        at: usize,
        /// How many migrations the run has.
        of: usize,
    },
    /// A migration ended, but did not fail; its transaction is over. The same migration may end again:
    /// if an election takes its commit back, it is run again.
    MigrationEnded {
        /// How it ended.
        report: StepReport,
        /// Its place in the run, from 1.
        at: usize,
        /// How many migrations the run has.
        of: usize,
    },
    /// A migration failed, or whether it was committed is unknown.
    MigrationFailed {
        /// How it ended, with its failure.
        report: StepReport,
        /// The state that the database is in, and what to do.
        way_out: String,
        /// Its place in the run, from 1.
        at: usize,
        /// How many migrations the run has.
        of: usize,
    },
    /// An election took the commits of these migrations back; they are run again.
    TakenBack {
        /// The migrations, oldest first.
        migrations: Vec<EventMigration>,
    },
    /// The history is paused; nothing more begins.
    Paused {
        /// By whom, since when, and why.
        text: String,
    },
    /// The history is no longer paused.
    Resumed,
    /// The run lost the lock: the lease ran out, or an operator took it.
    LockLost {
        /// The process that took the lock with `force_unlock`; `None`: the lease was lost.
        taken_by: Option<Who>,
    },
    /// The run has ended; this is its last event.
    RunEnded {
        /// How it ended.
        outcome: RunOutcome,
        /// What was done; `None` if the run's future was dropped: then the run ends in the background,
        /// and the end of its last migration may still follow.
        report: Option<Box<RunReport>>,
        /// Why it did not end well.
        error: Option<EventError>,
    },
    /// Events were dropped here, as the listener was too slow.
    Missed {
        /// How many.
        count: u64,
    },
}

impl EventKind {
    /// The stable name, e.g. `migration.failed`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RunBegan { .. } => "run.began",
            Self::RunRefused { .. } => "run.refused",
            Self::MigrationBegan { .. } => "migration.began",
            Self::MigrationEnded { .. } => "migration.ended",
            Self::MigrationFailed { .. } => "migration.failed",
            Self::TakenBack { .. } => "run.taken_back",
            Self::Paused { .. } => "run.paused",
            Self::Resumed => "run.resumed",
            Self::LockLost { .. } => "run.lock_lost",
            Self::RunEnded { .. } => "run.ended",
            Self::Missed { .. } => "missed",
        }
    }

    /// The names of all events, in the order of a run.
    pub const NAMES: [&'static str; 11] = [
        "run.began",
        "run.refused",
        "migration.began",
        "migration.ended",
        "migration.failed",
        "run.taken_back",
        "run.paused",
        "run.resumed",
        "run.lock_lost",
        "run.ended",
        "missed",
    ];

    /// Whether it is one of the few events of a run that are dropped last.
    pub(crate) const fn is_of_the_run(&self) -> bool {
        !matches!(self, Self::MigrationBegan { .. } | Self::MigrationEnded { .. })
    }
}

impl Event {
    /// An id of this event alone. It stays the same when the event is delivered again.
    pub fn id(&self) -> String {
        format!("{}-{}", self.run.id, self.number)
    }

    /// The stable name of what happened, e.g. `migration.failed`.
    pub const fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// How serious it is.
    pub fn severity(&self) -> Severity {
        match &self.kind {
            EventKind::MigrationFailed { .. } => Severity::Error,
            EventKind::RunRefused { error } => match error.kind {
                // Another process migrates, an operator has paused, or somebody pressed Ctrl-C.
                Kind::Busy | Kind::Cancelled => Severity::Warning,
                _ => Severity::Error,
            },
            EventKind::RunEnded { outcome, .. } => match outcome {
                RunOutcome::Done => Severity::Info,
                RunOutcome::Cancelled => Severity::Warning,
                RunOutcome::Failed | RunOutcome::LockLost => Severity::Error,
            },
            EventKind::LockLost { .. } => Severity::Error,
            EventKind::TakenBack { .. } | EventKind::Paused { .. } | EventKind::Missed { .. } => {
                Severity::Warning
            }
            EventKind::RunBegan { .. }
            | EventKind::MigrationBegan { .. }
            | EventKind::MigrationEnded { .. }
            | EventKind::Resumed => Severity::Info,
        }
    }

    /// What happened in one line, for people: `shop: 20250122003 add_plans failed`. Without texts of
    /// migrations and servers, which may name servers; those are in the event's fields.
    pub fn summary(&self) -> String {
        let text = match &self.kind {
            EventKind::RunBegan { pending, .. } => {
                let count = text::count(pending.len(), "migration");
                let doing = match self.run.verb {
                    RunVerb::Up => format!("applying {count}"),
                    RunVerb::Down => format!("rolling back {count}"),
                    RunVerb::Redo => "rolling back and applying again".to_owned(),
                };
                match (self.run.verb, pending.first()) {
                    (RunVerb::Redo, Some(first)) => format!("{doing}: {}", named(first)),
                    _ => doing,
                }
            }
            EventKind::RunRefused { error } => {
                format!(
                    "`{}` was refused ({}); nothing was run",
                    self.run.verb.as_str(),
                    error.code
                )
            }
            EventKind::MigrationBegan { migration, .. } => match migration.direction {
                Direction::Up => format!("applying {}", named(migration)),
                Direction::Down => format!("rolling back {}", named(migration)),
            },
            EventKind::MigrationEnded { report, .. } => ended(report),
            EventKind::MigrationFailed { report, .. } => {
                let code = match report.failure.as_ref() {
                    Some(Failure { code_name: Some(name), .. }) => format!(" ({name})"),
                    Some(Failure { code: Some(code), .. }) => format!(" (code {code})"),
                    _ => String::new(),
                };
                format!("{}{code}", ended(report))
            }
            EventKind::TakenBack { migrations } => {
                let count = text::count(migrations.len(), "migration");
                format!("an election took {count} back; they are run again")
            }
            EventKind::Paused { text } => text.clone(),
            EventKind::Resumed => "resumed".to_owned(),
            EventKind::LockLost { taken_by: Some(by) } => {
                format!("the lock was taken away by {by}")
            }
            EventKind::LockLost { taken_by: None } => {
                "the lease was lost; another process may have taken over".to_owned()
            }
            EventKind::RunEnded { outcome, report, .. } => {
                let done = report.as_ref().map_or(0, |report| report.done().count());
                let done = text::count(done, "migration");
                match outcome {
                    RunOutcome::Done => format!("`{}` is done: {done}", self.run.verb.as_str()),
                    RunOutcome::Failed => {
                        format!("`{}` failed: {done} done", self.run.verb.as_str())
                    }
                    RunOutcome::Cancelled => {
                        format!("`{}` was cancelled: {done} done", self.run.verb.as_str())
                    }
                    RunOutcome::LockLost => {
                        format!("`{}` lost the lock: {done} done", self.run.verb.as_str())
                    }
                }
            }
            EventKind::Missed { count } => {
                format!("{} not delivered: the listener is too slow", of_events(*count))
            }
        };
        visible::line(&format!("{}: {text}", self.run.database)).into_owned()
    }
}

fn of_events(count: u64) -> String {
    crate::model::numbers::counted(count, "event")
}

fn named(migration: &EventMigration) -> String {
    format!("{} {}", migration.version, migration.name)
}

fn ended(report: &StepReport) -> String {
    let how = match report.outcome {
        StepOutcome::Applied => "was applied",
        StepOutcome::Reverted => "was rolled back",
        StepOutcome::Failed => "failed",
        StepOutcome::Interrupted => "was interrupted",
        StepOutcome::Unknown => "may be committed or not: `status` tells",
        StepOutcome::Aborted => "was rolled back with the other migrations of its transaction",
        StepOutcome::NotRun => "was not run",
    };
    format!("{} {} {how}", report.version, report.name)
}

impl From<&PlannedStep> for EventMigration {
    fn from(step: &PlannedStep) -> Self {
        Self { version: step.version, name: step.name.to_owned(), direction: step.direction }
    }
}
