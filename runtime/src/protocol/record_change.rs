//! The statements that change a record.

use mongodb::bson::{Bson, Document, doc};

use super::{
    documents::{append, failure_document, keep_or, literal, who_document},
    record::Stored,
};
use crate::model::{
    identity::Identity,
    kind::MigrationKind,
    report::failure::Failure,
    state::{Direction, Who},
    version::Version,
};

/// How many events a record keeps.
pub(crate) const EVENTS_MAX: i32 = 20;

/// Who writes, under which fence, as which guarded transaction.
#[derive(Clone, Debug)]
pub(crate) struct Stamp<'a> {
    pub who: &'a Who,
    pub fence: i64,
    pub sequence: i64,
}

/// A change of one record.
#[derive(Clone, Debug)]
pub(crate) enum RecordChange<'a> {
    /// Applied, in this batch. The event says how: `applied`, `baseline`, `resolved`.
    Applied {
        batch: i64,
        event: &'static str,
    },
    Reverted,
    /// An operator says that it is not applied. Unlike a rollback this may concern one in
    /// the middle, which then is not "late".
    Withdrawn,
    Running {
        direction: Direction,
        keep_steps: bool,
    },
    Failed {
        direction: Direction,
        failure: &'a Failure,
    },
    Cancelled {
        direction: Direction,
    },
    /// A step is finished, or the next one is about to begin: what it found is kept under its
    /// key, for the rollback.
    Step {
        done: Option<&'a str>,
        undo: Option<(&'a str, &'a Document)>,
    },
    /// What this build has is what was applied: its checksum, and its name.
    Checksum {
        renamed: bool,
    },
    /// It goes the other way from where it is.
    Turned {
        direction: Direction,
        steps: &'a [String],
        undo: &'a Document,
    },
}

/// The statement of an `update` that changes one record and adds an event. Times are the
/// server's.
pub(crate) fn statement(
    migration: &Identity,
    change: &RecordChange<'_>,
    stamp: &Stamp<'_>,
) -> Document {
    let kind = migration.kind;
    let mut set = doc! {
        "name": literal(migration.name),
        "kind": kind.as_str(),
        "fence": stamp.fence,
        "sequence": stamp.sequence,
    };
    let mut unset: Vec<&str> = Vec::new();
    let mut event = doc! {
        "at": "$$NOW",
        "fence": stamp.fence,
        "by": who_document(stamp.who),
    };
    let mut has_event = true;
    match change {
        RecordChange::Applied { batch, event: what } => {
            event.insert("event", *what);
            event.insert("direction", "up");
            set.extend(doc! {
                "state": Stored::Applied.as_str(),
                "direction": "up",
                "checksum": literal(&migration.checksum),
                "batch": *batch,
                "appliedAt": "$$NOW",
                "by": who_document(stamp.who),
            });
            unset.extend(["failure", "durationMs"]);
        }
        RecordChange::Reverted | RecordChange::Withdrawn => {
            let (state, what) = match change {
                RecordChange::Reverted => (Stored::Reverted, "reverted"),
                _ => (Stored::Cancelled, "resolved"),
            };
            event.insert("event", what);
            event.insert("direction", "down");
            set.extend(doc! {
                "state": state.as_str(),
                "direction": "down",
                "checksum": keep_or("checksum", &migration.checksum),
                "steps": [],
            });
            unset.extend(["failure", "durationMs", "appliedAt", "batch", "by", "undo"]);
        }
        RecordChange::Running { direction, keep_steps } => {
            event.insert("event", "running");
            event.insert("direction", direction.as_str());
            set.extend(doc! {
                "state": Stored::Running.as_str(),
                "direction": direction.as_str(),
                "checksum": keep_or("checksum", &migration.checksum),
                "by": who_document(stamp.who),
            });
            if !keep_steps {
                set.insert("steps", Bson::Array(Vec::new()));
                set.insert("started", stamp.sequence);
                // What an earlier application found. A rollback needs it.
                if *direction == Direction::Up {
                    unset.push("undo");
                }
            }
            unset.push("failure");
        }
        RecordChange::Failed { direction, failure } => {
            event.insert("event", "failed");
            event.insert("direction", direction.as_str());
            event.insert("failure", failure_document(failure));
            set.insert("failure", failure_document(failure));
            set.insert("checksum", keep_or("checksum", &migration.checksum));
            // What failed to go down is where it was, and so is a rollback that could not be given
            // up.
            if *direction == Direction::Up {
                let goes_down = doc! { "$and": [
                    { "$eq": ["$state", Stored::Running.as_str()] },
                    { "$eq": ["$direction", "down"] },
                ] };
                let failed = Stored::Failed.as_str();
                set.insert("direction", doc! { "$cond": [goes_down.clone(), "down", "up"] });
                set.insert("state", doc! { "$cond": [goes_down, "$state", failed] });
            }
        }
        RecordChange::Cancelled { direction } => {
            event.insert("event", "cancelled");
            event.insert("direction", direction.as_str());
            set.insert("checksum", keep_or("checksum", &migration.checksum));
            match (direction, kind) {
                (Direction::Up, MigrationKind::Transaction) => {
                    set.insert("direction", "up");
                    set.insert("state", Stored::Cancelled.as_str());
                }
                // What is half-done stays so; one that had not begun still needs a state.
                _ => {
                    set.insert("direction", keep_or("direction", direction.as_str()));
                    set.insert("state", keep_or("state", Stored::Cancelled.as_str()));
                }
            }
        }
        RecordChange::Step { done, undo } => {
            has_event = false;
            if let Some(name) = done {
                let done = doc! { "name": literal(name), "at": "$$NOW" };
                set.insert("steps", append("steps", done));
            }
            if let Some((key, found)) = undo {
                set.insert(format!("undo.{key}"), doc! { "$literal": (*found).clone() });
            }
        }
        RecordChange::Turned { direction, steps, undo } => {
            event.insert("event", "turned");
            event.insert("direction", direction.as_str());
            let steps: Vec<Document> =
                steps.iter().map(|name| doc! { "name": literal(name), "at": "$$NOW" }).collect();
            set.extend(doc! {
                "state": Stored::Running.as_str(),
                "direction": direction.as_str(),
                "by": who_document(stamp.who),
                "steps": steps,
                "started": stamp.sequence,
                "undo": { "$literal": (*undo).clone() },
            });
            unset.push("failure");
        }
        RecordChange::Checksum { renamed } => {
            event.insert("event", if *renamed { "renamed" } else { "repaired" });
            set.insert("checksum", literal(&migration.checksum));
        }
    }
    if has_event {
        let mut all = append("events", event);
        all = doc! { "$slice": [all, -EVENTS_MAX] };
        set.insert("events", all);
    }
    // A failed rollback must not look like the last application.
    if matches!(
        change,
        RecordChange::Failed { direction: Direction::Down, .. }
            | RecordChange::Cancelled { direction: Direction::Down }
            | RecordChange::Checksum { .. }
    ) {
        set.remove("sequence");
        set.remove("fence");
    }
    let mut pipeline = vec![doc! { "$set": set }];
    if !unset.is_empty() {
        pipeline.push(doc! { "$unset": unset });
    }
    doc! { "q": { "_id": migration.version.get() }, "u": pipeline, "upsert": true }
}

/// How long a migration took, of whose record only this is still to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    pub version: Version,
    pub sequence: i64,
    pub ms: u64,
}

/// The statement that notes how long migrations took, in records that are as they were written
/// under this fence.
pub(crate) fn timing_statement(fence: i64, timing: &[Timing]) -> Document {
    let versions: Vec<i64> = timing.iter().map(|timing| timing.version.get()).collect();
    let sequences: Vec<i64> = timing.iter().map(|timing| timing.sequence).collect();
    let ms: Vec<i64> =
        timing.iter().map(|timing| i64::try_from(timing.ms).unwrap_or(i64::MAX)).collect();
    // Those of one transaction share their sequence.
    let its_own = doc! { "$indexOfArray": [&versions, "$_id"] };
    doc! {
        "q": { "_id": { "$in": versions }, "fence": fence, "sequence": { "$in": &sequences } },
        "u": [{ "$set": { "durationMs": { "$arrayElemAt": [ms, its_own] } } }],
        "multi": true,
    }
}
