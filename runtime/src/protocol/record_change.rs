//! The statements that change a record. Pure.

use mongodb::bson::{Document, doc};

use super::{
    documents::{
        EVENTS_MAX, FORMER_NAME, append, failure_document, keep_or, literal, who_document,
    },
    record::Stored,
    stamp::Stamp,
};
use crate::model::{
    identity::Identity,
    kind::MigrationKind,
    report::failure::Failure,
    state::{Direction, Who},
    version::Version,
};

/// A change of one record.
#[derive(Clone, Debug)]
pub(crate) enum RecordChange<'a> {
    /// Applied, in this batch. The event says how: `applied`, `baseline`, `resolved`.
    Applied {
        batch: i64,
        event: &'static str,
    },
    Reverted,
    /// An operator says that the migration is not applied. Unlike a rollback, this may concern a
    /// migration in the middle, which then is not "late".
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
    /// A step is finished, or the next step is about to begin: what that step found is kept under
    /// its key, for the rollback.
    Step {
        done: Option<&'a str>,
        undo: Option<(&'a str, &'a Document)>,
    },
    /// It stands for what is applied up to this version, and was not run.
    Stands {
        to: Version,
        batch: i64,
    },
    /// Its labels are not selected. The note says which ones are.
    Skipped {
        note: &'a str,
    },
    /// What this build has is what was applied: its checksum, and its name.
    Checksum {
        renamed: bool,
    },
    /// The migration runs in the other direction, from where it is.
    Turned {
        direction: Direction,
        steps: &'a [String],
        undo: &'a Document,
    },
}

/// What a change does to its record. Values are expressions of an update pipeline.
#[derive(Clone, Debug, Default, PartialEq)]
struct Edit {
    set: Document,
    unset: Vec<&'static str>,
    /// What the new event says, besides when, under which fence and by which process. `None`:
    /// the change adds no event.
    event: Option<Document>,
    /// Keeps sequence and fence of the last `up`: `down` orders by them.
    keeps_position: bool,
}

impl Edit {
    /// The edit of a change that adds this event.
    fn with_event(event: &str, direction: Direction) -> Self {
        let event = doc! { "event": event, "direction": direction.as_str() };
        Self { event: Some(event), ..Self::default() }
    }
}

/// The statement of an `update` that changes one record and adds an event. Times are the
/// server's.
pub(crate) fn statement(
    migration: &Identity,
    change: &RecordChange<'_>,
    stamp: &Stamp<'_>,
) -> Document {
    let edit = edit(migration, change, stamp);
    let mut set = doc! { "name": literal(&migration.name), "kind": migration.kind.as_str() };
    if !edit.keeps_position {
        set.extend(doc! { "fence": stamp.fence, "sequence": stamp.sequence });
    }
    set.extend(edit.set);
    if let Some(plan) = stamp.plan
        && !edit.keeps_position
    {
        set.insert("plan", doc! { "digest": literal(plan), "sequence": stamp.sequence });
    }
    if let Some(what) = edit.event {
        let mut event = doc! { "at": "$$NOW", "fence": stamp.fence, "by": who_document(stamp.who) };
        event.extend(what);
        if let Some(why) = stamp.why {
            event.insert("note", literal(why));
        }
        if let Some(plan) = stamp.plan {
            event.insert("plan", literal(plan));
        }
        set.insert("events", doc! { "$slice": [append("events", event), -EVENTS_MAX] });
    }
    let mut pipeline = vec![doc! { "$set": set }];
    if !edit.unset.is_empty() {
        pipeline.push(doc! { "$unset": edit.unset });
    }
    doc! { "q": { "_id": migration.version.get() }, "u": pipeline, "upsert": true }
}

/// The event that a change adds, and its direction. `None`: it adds none.
pub(super) fn event(
    migration: &Identity,
    change: &RecordChange<'_>,
    stamp: &Stamp<'_>,
) -> Option<Document> {
    edit(migration, change, stamp).event
}

fn edit(migration: &Identity, change: &RecordChange<'_>, stamp: &Stamp<'_>) -> Edit {
    let checksum = &migration.checksum;
    let is_repeatable = migration.version.is_repeatable();
    match *change {
        RecordChange::Applied { batch, event } => applied(checksum, stamp.who, batch, event),
        RecordChange::Reverted => pending(checksum, Stored::Reverted, "reverted"),
        RecordChange::Withdrawn => pending(checksum, Stored::Cancelled, "resolved"),
        RecordChange::Running { direction, keep_steps: true } => {
            running(checksum, stamp.who, direction)
        }
        RecordChange::Running { direction, keep_steps: false } => {
            let mut edit =
                begun(running(checksum, stamp.who, direction), direction, stamp.sequence);
            if is_repeatable {
                // What is recorded is the checksum that ran last.
                edit.set.insert("checksum", literal(checksum));
            }
            edit
        }
        RecordChange::Failed { direction, failure } => {
            failed(checksum, direction, failure, is_repeatable)
        }
        RecordChange::Cancelled { direction } => {
            // What ran before is in force until it runs again.
            let kind = if is_repeatable { MigrationKind::Online } else { migration.kind };
            cancelled(checksum, direction, kind)
        }
        RecordChange::Skipped { note } => skipped(checksum, note),
        RecordChange::Stands { to, batch } => stands(checksum, stamp.who, batch, to),
        RecordChange::Step { done, undo } => step(done, undo),
        RecordChange::Checksum { renamed } => repaired(checksum, renamed),
        RecordChange::Turned { direction, steps, undo } => turned(stamp, direction, steps, undo),
    }
}

fn applied(checksum: &str, who: &Who, batch: i64, event: &str) -> Edit {
    Edit {
        set: doc! {
            "state": Stored::Applied.as_str(),
            "direction": "up",
            "checksum": literal(checksum),
            "batch": batch,
            "appliedAt": "$$NOW",
            "by": who_document(who),
        },
        unset: vec!["failure", "durationMs"],
        ..Edit::with_event(event, Direction::Up)
    }
}

/// The edit that leaves nothing of a migration in force.
fn pending(checksum: &str, state: Stored, event: &str) -> Edit {
    Edit {
        set: doc! {
            "state": state.as_str(),
            "direction": "down",
            "checksum": keep_or("checksum", checksum),
            "steps": [],
        },
        unset: vec!["failure", "durationMs", "appliedAt", "batch", "by", "undo", "replaces"],
        ..Edit::with_event(event, Direction::Down)
    }
}

fn running(checksum: &str, who: &Who, direction: Direction) -> Edit {
    Edit {
        set: doc! {
            "state": Stored::Running.as_str(),
            "direction": direction.as_str(),
            "checksum": keep_or("checksum", checksum),
            "by": who_document(who),
        },
        unset: vec!["failure"],
        ..Edit::with_event("running", direction)
    }
}

/// The same for a migration that begins and is not resumed: its steps begin anew.
fn begun(mut running: Edit, direction: Direction, sequence: i64) -> Edit {
    running.set.extend(doc! { "steps": [], "started": sequence });
    // What an earlier application found. A rollback needs it.
    if direction == Direction::Up {
        running.unset.insert(0, "undo");
    }
    running
}

fn stands(checksum: &str, who: &Who, batch: i64, to: Version) -> Edit {
    let mut edit = applied(checksum, who, batch, "stands");
    edit.set.insert("replaces", to.get());
    // Its number may be that of a migration that it stands for, whose name the record has had until now.
    if let Some(event) = &mut edit.event {
        event.insert(FORMER_NAME, "$name");
    }
    edit.set.insert("steps", Vec::<Document>::new());
    edit.unset.extend(["undo", "started"]);
    edit
}

fn skipped(checksum: &str, note: &str) -> Edit {
    let mut edit = Edit {
        set: doc! {
            "state": Stored::Skipped.as_str(),
            "direction": "up",
            "checksum": literal(checksum),
        },
        unset: vec!["failure"],
        ..Edit::with_event("skipped", Direction::Up)
    };
    if let Some(event) = &mut edit.event {
        event.insert("note", literal(note));
    }
    edit
}

fn failed(checksum: &str, direction: Direction, failure: &Failure, is_repeatable: bool) -> Edit {
    let mut edit = Edit {
        set: doc! {
            "failure": failure_document(failure),
            "checksum": keep_or("checksum", checksum),
        },
        keeps_position: direction == Direction::Down,
        ..Edit::with_event("failed", direction)
    };
    if let Some(event) = &mut edit.event {
        event.insert("failure", failure_document(failure));
    }
    // A rollback that failed leaves the migration where it was. A half-done rollback that `up`
    // fails to turn round stays a half-done rollback.
    if direction == Direction::Up {
        let goes_down = doc! { "$and": [
            { "$eq": ["$state", Stored::Running.as_str()] },
            { "$eq": ["$direction", "down"] },
        ] };
        // What a repeatable migration did before is in force until it runs again.
        let stays = match is_repeatable {
            false => goes_down.clone(),
            true => doc! { "$eq": ["$state", Stored::Applied.as_str()] },
        };
        let failed = Stored::Failed.as_str();
        edit.set.extend(doc! {
            "direction": { "$cond": [goes_down, "down", "up"] },
            "state": { "$cond": [stays, "$state", failed] },
        });
    }
    edit
}

fn cancelled(checksum: &str, direction: Direction, kind: MigrationKind) -> Edit {
    let mut edit = Edit {
        set: doc! { "checksum": keep_or("checksum", checksum) },
        keeps_position: direction == Direction::Down,
        ..Edit::with_event("cancelled", direction)
    };
    let cancelled = Stored::Cancelled.as_str();
    edit.set.extend(match (direction, kind) {
        (Direction::Up, MigrationKind::Transaction) => {
            doc! { "direction": "up", "state": cancelled }
        }
        // A half-done migration stays half-done; a migration that had not begun still needs a
        // state.
        _ => doc! {
            "direction": keep_or("direction", direction.as_str()),
            "state": keep_or("state", cancelled),
        },
    });
    edit
}

fn step(done: Option<&str>, undo: Option<(&str, &Document)>) -> Edit {
    let mut set = Document::new();
    if let Some(name) = done {
        set.insert("steps", append("steps", step_document(name)));
    }
    if let Some((key, found)) = undo {
        set.insert(format!("undo.{key}"), doc! { "$literal": found.clone() });
    }
    Edit { set, ..Edit::default() }
}

fn repaired(checksum: &str, renamed: bool) -> Edit {
    Edit {
        set: doc! { "checksum": literal(checksum) },
        event: Some(doc! { "event": if renamed { "renamed" } else { "repaired" } }),
        keeps_position: true,
        ..Edit::default()
    }
}

fn turned(stamp: &Stamp<'_>, direction: Direction, steps: &[String], undo: &Document) -> Edit {
    let steps: Vec<Document> = steps.iter().map(|name| step_document(name)).collect();
    Edit {
        set: doc! {
            "state": Stored::Running.as_str(),
            "direction": direction.as_str(),
            "by": who_document(stamp.who),
            "steps": steps,
            "started": stamp.sequence,
            "undo": { "$literal": undo.clone() },
        },
        unset: vec!["failure"],
        ..Edit::with_event("turned", direction)
    }
}

/// A finished step, as a record lists it.
fn step_document(name: &str) -> Document {
    doc! { "name": literal(name), "at": "$$NOW" }
}

#[cfg(test)]
mod tests {
    //! Each change, and what it does to a record.

    use MigrationKind::{Change, Online, Transaction};

    use super::*;

    fn who() -> Who {
        Who { host: "web-3".to_owned(), pid: 7, app: "shop".to_owned() }
    }

    fn failure() -> Failure {
        Failure {
            message: "no".to_owned(),
            code: Some(2),
            code_name: None,
            documents: vec!["7".to_owned()],
        }
    }

    fn migration(kind: MigrationKind) -> Identity {
        let checksum = "c1".into();
        Identity {
            version: Version::new(5),
            name: "add_email".into(),
            group: "default",
            kind,
            checksum,
        }
    }

    fn stamp(who: &Who) -> Stamp<'_> {
        Stamp { who, fence: 3, sequence: 9, why: None, plan: None }
    }

    /// What a change does to the record of a migration of this kind.
    #[track_caller]
    fn check(kind: MigrationKind, change: &RecordChange<'_>, wanted: &Edit) {
        assert_eq!(edit(&migration(kind), change, &stamp(&who())), *wanted, "{kind:?}: {change:?}");
    }

    fn row(set: Document, unset: &[&'static str], event: impl Into<Option<Document>>) -> Edit {
        Edit { set, unset: unset.to_vec(), event: event.into(), keeps_position: false }
    }

    /// A change that must not look like the last application.
    fn aside(row: Edit) -> Edit {
        Edit { keeps_position: true, ..row }
    }

    fn event(event: &str, direction: &str) -> Document {
        doc! { "event": event, "direction": direction }
    }

    fn up_or_down() -> [(Direction, &'static str); 2] {
        [(Direction::Up, "up"), (Direction::Down, "down")]
    }

    #[test]
    fn an_application_sets_everything_that_a_rollback_removes() {
        let applied = doc! {
            "state": "applied", "direction": "up", "checksum": literal("c1"), "batch": 4_i64,
            "appliedAt": "$$NOW", "by": who_document(&who()),
        };
        for how in ["applied", "baseline", "resolved"] {
            let change = RecordChange::Applied { batch: 4, event: how };
            let unset = ["failure", "durationMs"];
            check(Transaction, &change, &row(applied.clone(), &unset, event(how, "up")));
        }
        let gone = ["failure", "durationMs", "appliedAt", "batch", "by", "undo", "replaces"];
        for (change, state, what) in [
            (RecordChange::Reverted, "reverted", "reverted"),
            (RecordChange::Withdrawn, "cancelled", "resolved"),
        ] {
            let set = doc! {
                "state": state, "direction": "down", "steps": [],
                "checksum": { "$ifNull": ["$checksum", literal("c1")] },
            };
            check(Online, &change, &row(set, &gone, event(what, "down")));
        }
    }

    #[test]
    fn a_migration_that_is_resumed_keeps_its_steps() {
        for (direction, name) in up_or_down() {
            let resumed = doc! {
                "state": "running", "direction": name, "by": who_document(&who()),
                "checksum": { "$ifNull": ["$checksum", literal("c1")] },
            };
            let change = RecordChange::Running { direction, keep_steps: true };
            check(Online, &change, &row(resumed.clone(), &["failure"], event("running", name)));

            let mut begun = resumed;
            begun.extend(doc! { "steps": [], "started": 9_i64 });
            let change = RecordChange::Running { direction, keep_steps: false };
            // A rollback needs what the application found.
            let unset: &[&str] = if name == "up" { &["undo", "failure"] } else { &["failure"] };
            check(Online, &change, &row(begun, unset, event("running", name)));
        }
    }

    #[test]
    fn a_failure_changes_the_state_only_on_the_way_up() {
        let (failure, document) = (failure(), failure_document(&failure()));
        let down = doc! {
            "failure": document.clone(),
            "checksum": { "$ifNull": ["$checksum", literal("c1")] },
        };
        let half_back = doc! { "$and": [
            { "$eq": ["$state", "running"] }, { "$eq": ["$direction", "down"] },
        ] };
        let mut up = down.clone();
        up.extend(doc! {
            "direction": { "$cond": [half_back.clone(), "down", "up"] },
            "state": { "$cond": [half_back, "$state", "failed"] },
        });
        for (direction, name) in up_or_down() {
            let change = RecordChange::Failed { direction, failure: &failure };
            let mut event = event("failed", name);
            event.insert("failure", document.clone());
            let wanted = match direction {
                Direction::Up => row(up.clone(), &[], event),
                Direction::Down => aside(row(down.clone(), &[], event)),
            };
            check(Transaction, &change, &wanted);
        }
    }

    #[test]
    fn a_cancelled_transaction_is_gone_and_what_is_half_done_stays() {
        let checksum = doc! { "$ifNull": ["$checksum", literal("c1")] };
        let gone = doc! { "checksum": checksum.clone(), "direction": "up", "state": "cancelled" };
        let kept = |direction: &str| {
            doc! {
                "checksum": checksum.clone(),
                "direction": { "$ifNull": ["$direction", literal(direction)] },
                "state": { "$ifNull": ["$state", literal("cancelled")] },
            }
        };
        let up = RecordChange::Cancelled { direction: Direction::Up };
        let down = RecordChange::Cancelled { direction: Direction::Down };
        check(Transaction, &up, &row(gone, &[], event("cancelled", "up")));
        check(Online, &up, &row(kept("up"), &[], event("cancelled", "up")));
        check(Change, &up, &row(kept("up"), &[], event("cancelled", "up")));
        for kind in [Transaction, Online, Change] {
            check(kind, &down, &aside(row(kept("down"), &[], event("cancelled", "down"))));
        }
    }

    #[test]
    fn a_step_is_a_checkpoint_and_no_event() {
        let found = doc! { "was": "$value" };
        let steps = append("steps", doc! { "name": literal("copy"), "at": "$$NOW" });
        let undo = doc! { "$literal": found.clone() };
        for (done, found, set) in [
            (None, None, doc! {}),
            (Some("copy"), None, doc! { "steps": steps.clone() }),
            (None, Some(("2", &found)), doc! { "undo.2": undo.clone() }),
            (Some("copy"), Some(("2", &found)), doc! { "steps": steps, "undo.2": undo }),
        ] {
            check(Change, &RecordChange::Step { done, undo: found }, &row(set, &[], None));
        }
    }

    #[test]
    fn a_migration_that_turns_round_begins_with_the_steps_that_are_to_undo() {
        let (steps, undo) = (["copy".to_owned()], doc! { "2": { "was": 1 } });
        for (direction, name) in up_or_down() {
            let set = doc! {
                "state": "running", "direction": name, "by": who_document(&who()),
                "steps": [{ "name": literal("copy"), "at": "$$NOW" }], "started": 9_i64,
                "undo": { "$literal": undo.clone() },
            };
            let change = RecordChange::Turned { direction, steps: &steps, undo: &undo };
            check(Change, &change, &row(set, &["failure"], event("turned", name)));
        }
    }

    #[test]
    fn a_repair_sets_the_checksum_and_nothing_else() {
        for (renamed, what) in [(true, "renamed"), (false, "repaired")] {
            let wanted = row(doc! { "checksum": literal("c1") }, &[], doc! { "event": what });
            check(Online, &RecordChange::Checksum { renamed }, &aside(wanted));
        }
    }

    #[test]
    fn a_statement_adds_stamp_and_event() {
        let who = who();
        let of = |change| statement(&migration(Online), &change, &stamp(&who));
        let set = |statement: &Document| {
            let pipeline = statement.get_array("u").unwrap();
            pipeline[0].as_document().unwrap().get_document("$set").unwrap().clone()
        };

        let reverted = of(RecordChange::Reverted);
        assert_eq!(reverted.get_document("q").unwrap(), &doc! { "_id": 5_i64 });
        assert!(reverted.get_bool("upsert").unwrap());
        let gone = doc! { "$unset": ["failure", "durationMs", "appliedAt", "batch", "by", "undo", "replaces"] };
        assert_eq!(reverted.get_array("u").unwrap()[1].as_document(), Some(&gone));
        let found = set(&reverted);
        assert_eq!(found.get_document("name").unwrap(), &doc! { "$literal": "add_email" });
        assert_eq!(found.get_str("kind").unwrap(), "online");
        assert_eq!(found.get_i64("fence").unwrap(), 3);
        assert_eq!(found.get_i64("sequence").unwrap(), 9);
        let event = doc! {
            "at": "$$NOW", "fence": 3_i64, "by": who_document(&who),
            "event": "reverted", "direction": "down",
        };
        let events = doc! { "$slice": [append("events", event), -20] };
        assert_eq!(found.get_document("events").unwrap(), &events);

        let planned = Stamp { plan: Some("ab"), ..stamp(&who) };
        let planned = set(&statement(&migration(Online), &RecordChange::Reverted, &planned));
        let mark = doc! { "digest": literal("ab"), "sequence": 9_i64 };
        assert_eq!(planned.get_document("plan").unwrap(), &mark);
        assert!(planned.to_string().matches("\"ab\"").count() == 2, "in the event as well");

        let step = of(RecordChange::Step { done: None, undo: None });
        assert_eq!(step.get_array("u").unwrap().len(), 1, "nothing is unset");
        assert!(!set(&step).contains_key("events"));
        let repaired = set(&of(RecordChange::Checksum { renamed: false }));
        assert!(!repaired.contains_key("fence") && !repaired.contains_key("sequence"));
    }
}
