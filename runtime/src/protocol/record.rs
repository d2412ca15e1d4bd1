//! The records: one document per migration, `_id` its version. Alone in knowing their
//! BSON shape.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use mongodb::bson::{Bson, Document, RawDocument};

use super::{
    checkpoint::partition,
    documents::{FORMER_NAME, date, is_count, parse_failure, parse_who},
    fence,
    tag::StoredTag,
};
use crate::{
    model::{
        error::Error,
        identity::Identity,
        kind::MigrationKind,
        named::Named,
        report::{failure::Failure, history::HistoryEvent},
        state::{Direction, State, Who},
        version::Version,
    },
    mongo::{
        fields::{self, Fields as _},
        reply::number,
    },
    protocol::documents::LOCK_ID,
};

/// The state of a record, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Applied,
    /// An online or declared migration has begun and is not finished, in the record's direction.
    Running,
    Failed,
    Reverted,
    Cancelled,
    /// Its turn came where its labels were not selected: it was not run.
    Skipped,
    /// It was applied, and a squash stands for it now.
    Replaced,
}

impl Stored {
    const ALL: [Self; 7] = [
        Self::Applied,
        Self::Running,
        Self::Failed,
        Self::Reverted,
        Self::Cancelled,
        Self::Skipped,
        Self::Replaced,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Reverted => "reverted",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::Replaced => "replaced",
        }
    }

    pub(crate) const fn shown(self) -> State {
        match self {
            Self::Applied => State::Applied,
            Self::Running => State::Running,
            Self::Failed => State::Failed,
            Self::Reverted | Self::Cancelled => State::Pending,
            Self::Skipped => State::Skipped,
            Self::Replaced => State::Replaced,
        }
    }
}

/// The record of one migration.
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
    /// The newest version that it stands for, if it is a squash.
    pub replaces: Option<Version>,
    /// Finished steps of an online or declared migration, in `direction`.
    pub steps: Vec<String>,
    /// The number of the guarded transaction that began the migration, for a migration that is
    /// resumed.
    pub started: i64,
    /// The digest of the approved plan under which it was last written; none if that was no plan.
    pub plan: Option<String>,
    /// What the operations of a declared migration found before they began, by their number:
    /// a rollback needs it. Most records have none.
    undo: Option<Box<Document>>,
    /// The names of states in which this migration was the one applied last.
    pub tags: Vec<StoredTag>,
    /// When its last event happened.
    pub last_event_at: Option<DateTime<Utc>>,
}

impl Record {
    pub(crate) fn undo(&self) -> Document {
        self.undo.as_deref().cloned().unwrap_or_default()
    }

    pub(crate) fn is_applied(&self) -> bool {
        self.state == Stored::Applied
    }

    /// Whether effects of the migration are in the database, or may be. A failed transaction, a
    /// finished rollback and a cancellation leave none.
    pub(crate) fn is_in_force(&self) -> bool {
        match self.state {
            Stored::Applied | Stored::Running => true,
            Stored::Failed => !self.steps.is_empty() || self.undo.is_some(),
            Stored::Reverted | Stored::Cancelled | Stored::Skipped | Stored::Replaced => false,
        }
    }

    /// The record of a squash that stands for what is applied, this one among it.
    pub(crate) fn stood_for_by(&self, squash: &Identity, to: Version) -> Self {
        Self {
            version: squash.version,
            name: squash.name.to_string(),
            kind: squash.kind,
            checksum: squash.checksum.to_string(),
            replaces: Some(to),
            ..self.clone()
        }
    }

    pub(crate) fn is_interrupted_rollback(&self) -> bool {
        self.state == Stored::Running && self.direction == Direction::Down
    }

    /// The record after the migration has turned round.
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

    /// Whether a part of the migration may be in the database, but not all of it.
    pub(crate) fn is_half_applied(&self) -> bool {
        let is_open = matches!(self.state, Stored::Running | Stored::Failed);
        let has_begun = !self.steps.is_empty() || self.undo.is_some();
        is_open && self.direction == Direction::Up && has_begun
    }

    pub(crate) fn named(&self) -> Named {
        Named { version: self.version, name: self.name.clone() }
    }

    /// Reads a record from its bytes, in one pass: there may be ten thousand records.
    pub(crate) fn parse(document: &RawDocument) -> Result<Self, Error> {
        let corrupt = |problem: &str| Error::Corrupt {
            collection: None,
            id: fields::raw(document, "_id")
                .and_then(|id| Bson::try_from(id).ok())
                .map_or_else(|| "without _id".to_owned(), |id| id.to_string()),
            problem: problem.to_owned(),
        };
        let (mut version, mut name, mut state, mut checksum) = (None, None, None, None);
        let mut plan = None;
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
            replaces: None,
            steps: Vec::new(),
            started: 0,
            plan: None,
            undo: None,
            tags: Vec::new(),
            last_event_at: None,
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
                "batch" => record.batch = number().and_then(fields::counted),
                "fence" => record.fence = number().unwrap_or(0),
                "sequence" => record.sequence = number().unwrap_or(0),
                "appliedAt" => record.applied_at = value.as_datetime().and_then(fields::date),
                "durationMs" => {
                    let ms = number().and_then(fields::counted);
                    record.duration_ms = ms.and_then(|ms| u64::try_from(ms).ok());
                }
                "by" => record.by = value.as_document().map(parse_who),
                "replaces" => record.replaces = number().map(Version::new),
                "failure" => record.failure = value.as_document().map(parse_failure),
                "steps" => {
                    let steps = value.as_array().into_iter().flatten().map_while(Result::ok);
                    record.steps = steps
                        .filter_map(|step| Some(step.as_document()?.text("name")?.to_owned()))
                        .collect();
                }
                "started" => record.started = number().unwrap_or(0),
                "plan" => plan = value.as_document(),
                "undo" => {
                    if let Some(undo) = value.as_document() {
                        let undo = Document::try_from(undo)
                            .map_err(|_| corrupt("its `undo` cannot be decoded"))?;
                        record.undo = Some(Box::new(undo));
                    }
                }
                "events" => {
                    let events = value.as_array().into_iter().flatten().map_while(Result::ok);
                    let last = events.last().and_then(|event| event.as_document());
                    let at = last.and_then(|last| last.get_datetime("at").ok());
                    record.last_event_at = at.and_then(fields::date);
                }
                "tags" => {
                    let tags =
                        value.as_array().into_iter().flatten().map(|tag| {
                            tag.ok().and_then(|tag| StoredTag::parse(tag.as_document()?))
                        });
                    record.tags = tags
                        .collect::<Option<_>>()
                        .ok_or_else(|| corrupt("its `tags` cannot be read"))?;
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
        let counts = [record.fence, record.sequence, record.started, record.batch.unwrap_or(0)];
        if !counts.iter().all(is_count) {
            return Err(corrupt("a count in it is negative, or too large"));
        }
        record.version = Version::new(version);
        // What was written since without a plan has another sequence.
        let plan = plan.filter(|plan| plan.number("sequence") == Some(record.sequence));
        record.plan = plan.and_then(|plan| plan.text("digest")).map(str::to_owned);
        name.ok_or_else(|| corrupt("it has no `name`"))?.clone_into(&mut record.name);
        checksum.ok_or_else(|| corrupt("it has no `checksum`"))?.clone_into(&mut record.checksum);
        Ok(record)
    }
}

/// Whether a document has the shape of a document that Mongrate writes into a control collection,
/// by the fields that `lease::projection` shows.
pub(crate) fn is_ours(document: &Document) -> bool {
    match document.get("_id") {
        Some(Bson::String(id)) if id == LOCK_ID || id == fence::ID => {
            number(document, "fence").is_some()
        }
        Some(Bson::String(id)) => id.starts_with(partition::ID_PREFIX),
        Some(Bson::Int64(_) | Bson::Int32(_) | Bson::Double(_)) => {
            document.get_str("state").is_ok()
        }
        _ => false,
    }
}

/// The kind that is stored under this name. A record without a kind is transactional.
fn kind_named(name: &str) -> Option<MigrationKind> {
    let all = [MigrationKind::Transaction, MigrationKind::Online, MigrationKind::Change];
    all.into_iter().find(|kind| kind.as_str() == name)
}

/// The events of these records and of the lock. An operator's request that both have is the record's.
pub(crate) fn all_events(documents: &[Document]) -> Vec<HistoryEvent> {
    let is_lock = |document: &&Document| document.get_str("_id").is_ok_and(|id| id == LOCK_ID);
    let requests =
        |document| own_events(document).filter_map(|event| event.get_str("request").ok());
    let noted: HashSet<&str> =
        documents.iter().filter(|document| !is_lock(document)).flat_map(requests).collect();
    let mut events = Vec::new();
    for document in documents {
        let keeps = |event: &Document| {
            !is_lock(&document)
                || !event.get_str("request").is_ok_and(|request| noted.contains(request))
        };
        let mut of_it = self::events(document, keeps);
        name_states(&mut of_it, document);
        events.extend(of_it);
    }
    events
}

/// Names the states of which this migration was the last, at the event that applied it.
fn name_states(events: &mut [HistoryEvent], document: &Document) {
    let tags = document.get_array("tags").map(Vec::as_slice).unwrap_or_default();
    let names = tags.iter().filter_map(|tag| tag.as_document()?.get_str("name").ok());
    let applies = ["applied", "baseline", "imported", "resolved", "stands"];
    let applied = events
        .iter_mut()
        .rev()
        .find(|event| event.direction == Some(Direction::Up) && applies.contains(&&*event.event));
    if let Some(applied) = applied {
        applied.tags = names.map(str::to_owned).collect();
    }
}

fn own_events(document: &Document) -> impl Iterator<Item = &Document> {
    let events = document.get_array("events").map(Vec::as_slice).unwrap_or_default();
    events.iter().filter_map(Bson::as_document)
}

fn events(document: &Document, keeps: impl Fn(&Document) -> bool) -> Vec<HistoryEvent> {
    let version = number(document, "_id").map(Version::new);
    let mut name =
        document.get_str("name").or_else(|_| document.get_str("_id")).unwrap_or_default();
    // From the newest to the oldest: a squash that took the number has changed the name.
    let mut newest_first = Vec::new();
    let own: Vec<&Document> = own_events(document).filter(|event| keeps(event)).collect();
    for event in own.into_iter().rev() {
        let Some(shown) = shown(event, version, name) else { continue };
        let former = event.get_str(FORMER_NAME).ok().filter(|former| *former != name);
        let replaced = former.map(|former| HistoryEvent {
            name: former.to_owned(),
            event: "replaced".to_owned(),
            note: Some(format!("the squash `{name}` stands for it, and has taken its number")),
            ..shown.clone()
        });
        newest_first.push(shown);
        newest_first.extend(replaced);
        name = former.unwrap_or(name);
    }
    newest_first.reverse();
    newest_first
}

fn shown(event: &Document, version: Option<Version>, name: &str) -> Option<HistoryEvent> {
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
        note: event.get_str("note").ok().map(str::to_owned),
        plan: event.get_str("plan").ok().map(str::to_owned),
        tags: Vec::new(),
    })
}
