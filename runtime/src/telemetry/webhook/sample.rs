//! Made-up events, to try a webhook with.

use std::sync::Arc;

use chrono::Utc;
use mongodb::bson::Uuid;

use crate::{
    model::{
        error::{Error, text},
        kind::MigrationKind,
        report::{
            failure::Failure,
            run::{RunReport, StepOutcome, StepReport},
        },
        state::{Direction, Who},
        version::Version,
    },
    telemetry::{
        listen::event::{
            Event, EventError, EventKind, EventMigration, EventRun, RunOutcome, RunVerb,
        },
        webhook::body::Body,
    },
};

const VERSION: i64 = 20_250_122_003;

const DATABASE: &str = "sample_of_a_database";

const NAME: &str = "sample_of_a_migration";

/// What a sample is sent as: in every form it says first that it is a test.
pub(crate) fn body(event: &Event, show_failures: bool) -> Body {
    let mut body = Body::new(event, show_failures);
    body.data.summary.insert_str(0, "TEST: ");
    body
}

/// A sample of the event with this name, of this app; `None`: there is none.
pub(crate) fn event(name: &str, app: &str) -> Option<Event> {
    let number = EventKind::NAMES.iter().position(|known| *known == name)?;
    let by = Who { host: "sample-host".to_owned(), pid: 42, app: app.to_owned() };
    let run = EventRun {
        id: Uuid::new().to_string(),
        verb: RunVerb::Up,
        group: "default".to_owned(),
        // No incident of a database that is there.
        database: DATABASE.to_owned(),
        by,
    };
    let number = u64::try_from(number).unwrap_or(0) + 1;
    Some(Event { run: Arc::new(run), number, at: Utc::now(), kind: kind(name)? })
}

fn kind(name: &str) -> Option<EventKind> {
    let migration = || EventMigration {
        version: Version::new(VERSION),
        name: NAME.to_owned(),
        direction: Direction::Up,
    };
    let (at, of) = (3, 9);
    Some(match name {
        "run.began" => EventKind::RunBegan { fence: Some(7), pending: vec![migration()] },
        "run.refused" => {
            let error = Error::UnknownVersion { version: Version::new(VERSION) };
            EventKind::RunRefused { error: EventError::of(&error) }
        }
        "migration.began" => EventKind::MigrationBegan { migration: migration(), at, of },
        "migration.ended" => {
            EventKind::MigrationEnded { report: report(StepOutcome::Applied), at, of }
        }
        "migration.failed" => {
            let report = report(StepOutcome::Failed);
            EventKind::MigrationFailed { way_out: text::way_out(&report), report, at, of }
        }
        "run.taken_back" => EventKind::TakenBack { migrations: vec![migration()] },
        "run.paused" => EventKind::Paused { text: "paused by sample-host pid 42".to_owned() },
        "run.resumed" => EventKind::Resumed,
        "run.lock_lost" => EventKind::LockLost { taken_by: None },
        "run.ended" => EventKind::RunEnded {
            outcome: RunOutcome::Done,
            report: Some(Box::new(RunReport {
                group: "default".to_owned(),
                database: DATABASE.to_owned(),
                batch: Some(1),
                fence: Some(7),
                steps: vec![report(StepOutcome::Applied)],
                skipped: Vec::new(),
                stands: None,
                waited_ms: 0,
                ahead: Vec::new(),
                cancelled_by: None,
            })),
            error: None,
        },
        "missed" => EventKind::Missed { count: 12 },
        _ => return None,
    })
}

fn report(outcome: StepOutcome) -> StepReport {
    let failure = Failure {
        message: "this is only a test: nothing has failed".to_owned(),
        code: Some(11_000),
        code_name: Some("DuplicateKey".to_owned()),
        documents: Vec::new(),
    };
    StepReport {
        version: Version::new(VERSION),
        name: NAME.to_owned(),
        kind: MigrationKind::Transaction,
        direction: Direction::Up,
        outcome,
        duration_ms: 41,
        attempts: 1,
        failure: (outcome == StepOutcome::Failed).then_some(failure),
        progress: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_sample_of_every_event() {
        for name in EventKind::NAMES {
            let event = event(name, "shop 1.4.0").unwrap();
            assert_eq!((event.name(), event.run.by.app.as_str()), (name, "shop 1.4.0"));
            let body = body(&event, true);
            assert!(body.data.summary.starts_with("TEST: "), "{}", body.data.summary);
            assert!(body.text().starts_with("TEST: "), "{}", body.text());
        }
        assert!(event("run.exploded", "").is_none());
    }
}
