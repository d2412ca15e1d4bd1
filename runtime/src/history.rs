//! The records: one document per migration, `_id` its version. Alone in knowing their
//! BSON shape.

use chrono::{DateTime, Utc};
use mongodb::bson::{Bson, Document, RawDocument, doc};

use crate::{
    Direction, Error, Migration, MigrationKind, Version,
    backfill::{self, Partition},
    checksum::Digest,
    command::number,
    error::Named,
    fence,
    fields::{self, Fields},
    lease,
    report::{Failure, HistoryEvent, State, Who},
};

/// How many events a record keeps.
pub(crate) const EVENTS_MAX: i32 = 20;

/// The state of a record, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Applied,
    /// An online migration at work, in the record's direction.
    Running,
    Failed,
    Reverted,
    Cancelled,
}

impl Stored {
    const ALL: [Self; 5] =
        [Self::Applied, Self::Running, Self::Failed, Self::Reverted, Self::Cancelled];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Reverted => "reverted",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) const fn shown(self) -> State {
        match self {
            Self::Applied => State::Applied,
            Self::Running => State::Running,
            Self::Failed => State::Failed,
            Self::Reverted | Self::Cancelled => State::Pending,
        }
    }
}

/// What the database knows of one migration.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub version: Version,
    pub name: String,
    pub state: Stored,
    pub direction: Direction,
    pub kind: MigrationKind,
    pub checksum: String,
    pub batch: Option<i64>,
    pub fence: i64,
    /// Rises with every guarded transaction: the order of application.
    pub sequence: i64,
    pub applied_at: Option<DateTime<Utc>>,
    pub duration_ms: Option<u64>,
    pub by: Option<Who>,
    pub failure: Option<Failure>,
    /// Finished steps of an online or declared migration, in `direction`.
    pub steps: Vec<String>,
    /// The guarded transaction that began it, for what is resumed.
    pub started: i64,
    /// What the operations of a declared migration found before they began, by their number:
    /// what a rollback needs. Most have none.
    undo: Option<Box<Document>>,
}

impl Record {
    pub(crate) fn undo(&self) -> Document {
        self.undo.as_deref().cloned().unwrap_or_default()
    }

    pub(crate) fn is_applied(&self) -> bool {
        self.state == Stored::Applied
    }

    /// Whether something of it is in the database, or may be. Of a failed transaction, a finished
    /// rollback and a cancellation nothing is.
    pub(crate) fn is_in_force(&self) -> bool {
        match self.state {
            Stored::Applied | Stored::Running => true,
            Stored::Failed => !self.steps.is_empty() || self.undo.is_some(),
            Stored::Reverted | Stored::Cancelled => false,
        }
    }

    pub(crate) fn is_interrupted_rollback(&self) -> bool {
        self.state == Stored::Running && self.direction == Direction::Down
    }

    /// The record as it is once the migration has turned round.
    pub(crate) fn turned(
        &self,
        direction: Direction,
        steps: Vec<String>,
        undo: Document,
        sequence: i64,
    ) -> Self {
        Self {
            state: Stored::Running,
            direction,
            steps,
            undo: Some(Box::new(undo)),
            sequence,
            started: sequence,
            failure: None,
            ..self.clone()
        }
    }

    /// Whether something of it may be in the database that is not all of it.
    pub(crate) fn is_half_applied(&self) -> bool {
        let is_open = matches!(self.state, Stored::Running | Stored::Failed);
        let has_begun = !self.steps.is_empty() || self.undo.is_some();
        is_open && self.direction == Direction::Up && has_begun
    }

    pub(crate) fn named(&self) -> Named {
        Named { version: self.version, name: self.name.clone() }
    }

    /// Reads it off its bytes, in one pass: there may be ten thousand.
    pub(crate) fn parse(document: &RawDocument) -> Result<Self, Error> {
        let corrupt = |problem: &str| Error::Corrupt {
            collection: None,
            id: fields::raw(document, "_id")
                .and_then(|id| Bson::try_from(id).ok())
                .map_or_else(|| "without _id".to_owned(), |id| id.to_string()),
            problem: problem.to_owned(),
        };
        let (mut version, mut name, mut state, mut checksum) = (None, None, None, None);
        let mut record = Self {
            version: Version::new(0),
            name: String::new(),
            state: Stored::Applied,
            direction: Direction::Up,
            kind: MigrationKind::Transaction,
            checksum: String::new(),
            batch: None,
            fence: 0,
            sequence: 0,
            applied_at: None,
            duration_ms: None,
            by: None,
            failure: None,
            steps: Vec::new(),
            started: 0,
            undo: None,
        };
        for field in document {
            let (key, value) = field.map_err(|_| corrupt("it cannot be decoded"))?;
            let number = || fields::raw_number(value);
            match fields::name(key) {
                "_id" => version = number(),
                "name" => name = value.as_str(),
                "state" => state = value.as_str(),
                "direction" => {
                    record.direction = match value.as_str() {
                        Some("up") => Direction::Up,
                        Some("down") => Direction::Down,
                        _ => {
                            return Err(corrupt(
                                "its `direction` is unknown to this version of mongrate",
                            ));
                        }
                    };
                }
                "kind" => {
                    record.kind = value.as_str().and_then(kind_named).ok_or_else(|| {
                        corrupt("its `kind` is unknown to this version of mongrate")
                    })?;
                }
                "checksum" => checksum = value.as_str(),
                "batch" => record.batch = number(),
                "fence" => record.fence = number().unwrap_or(0),
                "sequence" => record.sequence = number().unwrap_or(0),
                "appliedAt" => record.applied_at = value.as_datetime().and_then(fields::date),
                "durationMs" => {
                    record.duration_ms = number().and_then(|ms| u64::try_from(ms).ok());
                }
                "by" => record.by = value.as_document().map(parse_who),
                "failure" => record.failure = value.as_document().map(parse_failure),
                "steps" => {
                    let steps = value.as_array().into_iter().flatten().map_while(Result::ok);
                    record.steps = steps
                        .filter_map(|step| Some(step.as_document()?.text("name")?.to_owned()))
                        .collect();
                }
                "started" => record.started = number().unwrap_or(0),
                "undo" => {
                    if let Some(undo) = value.as_document() {
                        let undo = Document::try_from(undo)
                            .map_err(|_| corrupt("its `undo` cannot be decoded"))?;
                        record.undo = Some(Box::new(undo));
                    }
                }
                _ => {}
            }
        }
        let version = version
            .ok_or_else(|| corrupt("its `_id` is neither a version nor `lock` nor `fence`"))?;
        let state = state.ok_or_else(|| corrupt("it has no `state`"))?;
        record.state = Stored::ALL
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or_else(|| corrupt("its `state` is unknown to this version of mongrate"))?;
        record.version = Version::new(version);
        name.ok_or_else(|| corrupt("it has no `name`"))?.clone_into(&mut record.name);
        checksum.ok_or_else(|| corrupt("it has no `checksum`"))?.clone_into(&mut record.checksum);
        Ok(record)
    }
}

/// Whether a document has the shape of one that Mongrate writes into a control collection, by as
/// much of it as [`lease::projection`] shows.
pub(crate) fn is_ours(document: &Document) -> bool {
    match document.get("_id") {
        Some(Bson::String(id)) if id == lease::ID || id == fence::ID => {
            number(document, "fence").is_some()
        }
        Some(Bson::String(id)) => id.starts_with(backfill::ID_PREFIX),
        Some(Bson::Int64(_) | Bson::Int32(_) | Bson::Double(_)) => {
            document.get_str("state").is_ok()
        }
        _ => false,
    }
}

/// The kind that is stored under this name. A record without one is transactional.
fn kind_named(name: &str) -> Option<MigrationKind> {
    let all = [MigrationKind::Transaction, MigrationKind::Online, MigrationKind::Change];
    all.into_iter().find(|kind| kind.as_str() == name)
}

/// Every record of one control collection.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Oldest version first.
    records: Vec<Record>,
    /// The checkpoints of backfills.
    pub backfills: Vec<Partition>,
}

impl History {
    /// Of records in whatever order; no two have one version.
    pub(crate) fn new(mut records: Vec<Record>, backfills: Vec<Partition>) -> Self {
        records.sort_by_key(|record| record.version);
        Self { records, backfills }
    }

    pub(crate) fn get(&self, version: Version) -> Option<&Record> {
        let at = self.records.binary_search_by_key(&version, |record| record.version).ok()?;
        self.records.get(at)
    }

    /// Oldest version first.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::of(
            self.records()
                .filter(|record| record.is_applied())
                .map(|record| (record.version, record.checksum.as_str())),
        )
    }

    pub(crate) fn last_batch(&self) -> i64 {
        self.records().filter_map(|record| record.batch).max().unwrap_or(0)
    }
}

/// Who writes, under which fence, as which guarded transaction.
#[derive(Clone, Debug)]
pub(crate) struct Stamp<'a> {
    pub who: &'a Who,
    pub fence: i64,
    pub sequence: i64,
}

/// A change of one record.
#[derive(Clone, Debug)]
pub(crate) enum Change<'a> {
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
pub(crate) fn statement(migration: &Migration, change: &Change<'_>, stamp: &Stamp<'_>) -> Document {
    let kind = migration.kind();
    let mut set = doc! {
        "name": literal(migration.name()),
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
        Change::Applied { batch, event: what } => {
            event.insert("event", *what);
            event.insert("direction", "up");
            set.extend(doc! {
                "state": Stored::Applied.as_str(),
                "direction": "up",
                "checksum": literal(&migration.checksum()),
                "batch": *batch,
                "appliedAt": "$$NOW",
                "by": who_document(stamp.who),
            });
            unset.extend(["failure", "durationMs"]);
        }
        Change::Reverted | Change::Withdrawn => {
            let (state, what) = match change {
                Change::Reverted => (Stored::Reverted, "reverted"),
                _ => (Stored::Cancelled, "resolved"),
            };
            event.insert("event", what);
            event.insert("direction", "down");
            set.extend(doc! {
                "state": state.as_str(),
                "direction": "down",
                "checksum": keep_or("checksum", &migration.checksum()),
                "steps": [],
            });
            unset.extend(["failure", "durationMs", "appliedAt", "batch", "by", "undo"]);
        }
        Change::Running { direction, keep_steps } => {
            event.insert("event", "running");
            event.insert("direction", direction.as_str());
            set.extend(doc! {
                "state": Stored::Running.as_str(),
                "direction": direction.as_str(),
                "checksum": keep_or("checksum", &migration.checksum()),
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
        Change::Failed { direction, failure } => {
            event.insert("event", "failed");
            event.insert("direction", direction.as_str());
            event.insert("failure", failure_document(failure));
            set.insert("failure", failure_document(failure));
            set.insert("checksum", keep_or("checksum", &migration.checksum()));
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
        Change::Cancelled { direction } => {
            event.insert("event", "cancelled");
            event.insert("direction", direction.as_str());
            set.insert("checksum", keep_or("checksum", &migration.checksum()));
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
        Change::Step { done, undo } => {
            has_event = false;
            if let Some(name) = done {
                let done = doc! { "name": literal(name), "at": "$$NOW" };
                set.insert("steps", append("steps", done));
            }
            if let Some((key, found)) = undo {
                set.insert(format!("undo.{key}"), doc! { "$literal": (*found).clone() });
            }
        }
        Change::Turned { direction, steps, undo } => {
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
        Change::Checksum { renamed } => {
            event.insert("event", if *renamed { "renamed" } else { "repaired" });
            set.insert("checksum", literal(&migration.checksum()));
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
        Change::Failed { direction: Direction::Down, .. }
            | Change::Cancelled { direction: Direction::Down }
            | Change::Checksum { .. }
    ) {
        set.remove("sequence");
        set.remove("fence");
    }
    let mut pipeline = vec![doc! { "$set": set }];
    if !unset.is_empty() {
        pipeline.push(doc! { "$unset": unset });
    }
    doc! { "q": { "_id": migration.version().get() }, "u": pipeline, "upsert": true }
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

/// The events of one document, of a record or of the lock.
pub(crate) fn events(document: &Document) -> Vec<HistoryEvent> {
    let version = number(document, "_id").map(Version::new);
    let name = document.get_str("name").or_else(|_| document.get_str("_id")).unwrap_or_default();
    let Ok(events) = document.get_array("events") else { return Vec::new() };
    events
        .iter()
        .filter_map(Bson::as_document)
        .filter_map(|event| {
            Some(HistoryEvent {
                version,
                name: name.to_owned(),
                at: date(event, "at")?,
                event: event.get_str("event").ok()?.to_owned(),
                direction: match event.get_str("direction") {
                    Ok("up") => Some(Direction::Up),
                    Ok("down") => Some(Direction::Down),
                    _ => None,
                },
                fence: number(event, "fence").unwrap_or(0),
                by: event.get_document("by").map(parse_who).unwrap_or_default(),
                failure: event.get_document("failure").ok().map(parse_failure),
            })
        })
        .collect()
}

/// A string that a pipeline must not read as a field path.
pub(crate) fn literal(text: &str) -> Bson {
    Bson::Document(doc! { "$literal": text })
}

/// `array`, with one more at its end; empty where there is none yet.
pub(crate) fn append(field: &str, item: Document) -> Document {
    let path = format!("${field}");
    doc! { "$concatArrays": [{ "$ifNull": [path, []] }, [item]] }
}

pub(crate) fn who_document(who: &Who) -> Document {
    doc! {
        "host": literal(&who.host),
        "pid": i64::from(who.pid),
        "app": literal(&who.app),
    }
}

pub(crate) fn parse_who(document: &(impl Fields + ?Sized)) -> Who {
    Who {
        host: document.text("host").unwrap_or_default().to_owned(),
        pid: document.number("pid").and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0),
        app: document.text("app").unwrap_or_default().to_owned(),
    }
}

pub(crate) fn date(document: &Document, key: &str) -> Option<DateTime<Utc>> {
    fields::date(*document.get_datetime(key).ok()?)
}

fn keep_or(field: &str, otherwise: &str) -> Document {
    doc! { "$ifNull": [format!("${field}"), literal(otherwise)] }
}

fn failure_document(failure: &Failure) -> Document {
    doc! {
        "message": literal(&failure.message),
        "code": failure.code,
        "codeName": failure.code_name.as_deref().map(literal),
    }
}

fn parse_failure(document: &(impl Fields + ?Sized)) -> Failure {
    Failure {
        message: document.text("message").unwrap_or_default().to_owned(),
        code: document.number("code").and_then(|code| i32::try_from(code).ok()),
        code_name: document.text("codeName").map(str::to_owned),
    }
}
