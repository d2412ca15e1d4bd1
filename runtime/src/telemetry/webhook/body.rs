//! The JSON that a webhook sends, field by field: what is added to an event is in no body until it is
//! added here. Fields are only added; a change of their meaning raises `version`.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    model::{
        error::kind::Kind,
        report::run::{RunReport, StepOutcome, StepReport},
        state::{Direction, Who},
    },
    telemetry::{
        listen::event::{Event, EventError, EventKind, EventMigration, EventRun},
        redact::clean,
        visible,
    },
};

/// The version of the format.
const VERSION: u32 = 1;

/// How many migrations a body lists at most.
const LISTED_MAX: usize = 100;

/// What a webhook sends. Signed with the headers `webhook-id`, `webhook-timestamp` and
/// `webhook-signature`, as Standard Webhooks has them. An event may arrive more than once, with the same
/// `id`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "http", schema(as = WebhookEvent))]
pub(crate) struct Body {
    /// What happened, e.g. `migration.failed`.
    #[serde(rename = "type")]
    pub name: &'static str,
    /// When it happened, by the clock of the process that runs.
    pub timestamp: DateTime<Utc>,
    pub data: Data,
}

/// What is known of the event.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "http", schema(as = WebhookData))]
pub(crate) struct Data {
    /// The version of this format: 1.
    pub version: u32,
    /// The id of the event. It is the same when the event arrives again.
    pub id: String,
    /// The place of the event in its run, from 1; a gap is what was not chosen or missed.
    pub number: u64,
    /// `info`, `warning` or `error`.
    pub severity: &'static str,
    /// What happened, in one line.
    pub summary: String,
    pub run: Run,
    /// `run.began`: the fence number of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fence: Option<i64>,
    /// `run.began`: what the run is going to try; `run.taken_back`: what is run again. At most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub migrations: Vec<Migration>,
    /// `migration.…`: the migration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration: Option<Migration>,
    /// `migration.…`: its place in the run, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<usize>,
    /// `migration.…`: how many migrations the run has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<usize>,
    /// `migration.ended`, `migration.failed`: how it ended; `run.ended`: `done`, `failed`, `cancelled`,
    /// `lock_lost`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    /// `migration.ended`, `migration.failed`: how long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// `migration.failed`: why; `run.refused`, `run.ended`: the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// `migration.failed`: the state that the database is in, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way_out: Option<String>,
    /// `run.paused`, `run.lock_lost`: by whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// `run.ended`: how many migrations were applied or rolled back for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done: Option<usize>,
    /// `missed`: how many events were dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed: Option<u64>,
}

/// The run.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "http", schema(as = WebhookRun))]
pub(crate) struct Run {
    /// A UUID.
    pub id: String,
    /// `up`, `down` or `redo`.
    pub verb: &'static str,
    pub group: String,
    pub database: String,
    /// The name of the app; empty if it has none.
    pub app: String,
    /// The host of the process that runs.
    pub host: String,
    /// Its process id.
    pub pid: u32,
}

/// A migration.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "http", schema(as = WebhookMigration))]
pub(crate) struct Migration {
    /// A number that may pass 2^53, as text; `repeatable`: the migration has none.
    pub version: String,
    pub name: String,
    /// `up` or `down`.
    pub direction: &'static str,
}

/// Why something failed.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "http", schema(as = WebhookError))]
pub(crate) struct Failure {
    /// A stable name, e.g. `checksum_drift`, or the name of the server's code, e.g. `DuplicateKey`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The text. Texts of migrations and servers are left out, unless the webhook shows failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Body {
    pub(crate) fn new(event: &Event, show_failures: bool) -> Self {
        let mut data = Data {
            version: VERSION,
            id: event.id(),
            number: event.number,
            severity: event.severity().as_str(),
            summary: shown(&event.summary()),
            run: Run::from(&*event.run),
            fence: None,
            migrations: Vec::new(),
            migration: None,
            at: None,
            of: None,
            outcome: None,
            duration_ms: None,
            error: None,
            way_out: None,
            by: None,
            done: None,
            missed: None,
        };
        data.fill(&event.kind, show_failures);
        Self { name: event.name(), timestamp: event.at, data }
    }

    /// What happened and what to do, in a few lines.
    pub(crate) fn text(&self) -> String {
        let message = self.data.error.as_ref().and_then(|error| error.message.clone());
        let lines = [Some(self.data.summary.clone()), message, self.data.way_out.clone()];
        lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
    }
}

impl Data {
    fn fill(&mut self, kind: &EventKind, show_failures: bool) {
        match kind {
            EventKind::RunBegan { fence, pending } => {
                self.fence = *fence;
                self.migrations = listed(pending);
            }
            EventKind::RunRefused { error } => self.error = Some(error_of(error, show_failures)),
            EventKind::MigrationBegan { migration, at, of } => {
                self.migration = Some(migration.into());
                (self.at, self.of) = (Some(*at), Some(*of));
            }
            EventKind::MigrationEnded { report, at, of } => self.step(report, *at, *of),
            EventKind::MigrationFailed { report, way_out, at, of } => {
                self.step(report, *at, *of);
                self.way_out = Some(way_out.clone());
                let failure = report.failure.as_ref();
                self.error = failure.map(|failure| Failure {
                    code: failure
                        .code_name
                        .clone()
                        .or_else(|| failure.code.map(|code| code.to_string())),
                    message: show_failures.then(|| shown(&failure.message)),
                });
            }
            EventKind::TakenBack { migrations } => self.migrations = listed(migrations),
            EventKind::Paused { text } => self.by = Some(shown(text)),
            EventKind::Resumed => {}
            EventKind::LockLost { taken_by } => {
                self.by = taken_by.as_ref().map(Who::to_string).map(|by| shown(&by));
            }
            EventKind::RunEnded { outcome, report, error } => {
                self.outcome = Some(outcome.as_str());
                self.done = report.as_deref().map(RunReport::done).map(Iterator::count);
                self.error = error.as_ref().map(|error| error_of(error, show_failures));
            }
            EventKind::Missed { count } => self.missed = Some(*count),
        }
    }

    fn step(&mut self, report: &StepReport, at: usize, of: usize) {
        self.migration = Some(Migration {
            version: report.version.to_string(),
            name: report.name.clone(),
            direction: report.direction.as_str(),
        });
        (self.at, self.of) = (Some(at), Some(of));
        self.duration_ms = Some(report.duration_ms);
        self.outcome = Some(match report.outcome {
            StepOutcome::Applied => "applied",
            StepOutcome::Reverted => "reverted",
            StepOutcome::Failed => "failed",
            StepOutcome::Interrupted => "interrupted",
            StepOutcome::Unknown => "unknown",
            StepOutcome::Aborted => "aborted",
            StepOutcome::NotRun => "not_run",
        });
    }
}

/// The text of an error may name servers, and quote what migrations say; where it holds only names and
/// versions, it is always sent: it says the way out.
fn error_of(error: &EventError, show_failures: bool) -> Failure {
    let is_ours = match error.kind {
        Kind::Failed | Kind::Unavailable | Kind::Forbidden => false,
        _ => error.code != "corrupt",
    };
    Failure {
        code: Some(error.code.to_owned()),
        message: (is_ours || show_failures).then(|| shown_lines(&error.message)),
    }
}

/// Without secrets that this process was given, and without characters that a terminal obeys.
fn shown(text: &str) -> String {
    visible::line(&clean(text)).into_owned()
}

fn shown_lines(text: &str) -> String {
    text.lines().map(shown).collect::<Vec<_>>().join("\n")
}

fn listed(migrations: &[EventMigration]) -> Vec<Migration> {
    migrations.iter().take(LISTED_MAX).map(Migration::from).collect()
}

impl From<&EventMigration> for Migration {
    fn from(migration: &EventMigration) -> Self {
        Self {
            version: migration.version.to_string(),
            name: migration.name.clone(),
            direction: Direction::as_str(migration.direction),
        }
    }
}

impl From<&EventRun> for Run {
    fn from(run: &EventRun) -> Self {
        Self {
            id: run.id.clone(),
            verb: run.verb.as_str(),
            group: run.group.clone(),
            database: run.database.clone(),
            app: shown(&run.by.app),
            host: shown(&run.by.host),
            pid: run.by.pid,
        }
    }
}
