//! The checkpoints of a backfill: one document per partition of the collection, in the control
//! collection. Alone in knowing their shape.
//!
//! Each checkpoint is a fence as well: every batch writes the checkpoint of its partition in its
//! own transaction, and a take-over raises all checkpoints (see [`raise_statement`]). With one
//! shared document, only one worker could commit at a time.

use chrono::{DateTime, Utc};
use mongodb::bson::{Bson, Document, doc};

use super::range::Range;
use crate::{
    model::{state::Direction, version::Version},
    mongo::{
        code,
        reply::{number, stored_count},
        server_error::ServerError,
    },
    protocol::documents::{date, literal},
};

/// The prefix of the `_id` of every checkpoint.
pub(crate) const ID_PREFIX: &str = "backfill:";

/// The first string after all strings with that prefix.
const ID_END: &str = "backfill;";

/// The identity of a backfill: its migration, direction and name, and when the migration began.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub version: Version,
    pub direction: Direction,
    pub name: String,
    /// The number of the guarded transaction that began the migration. A backfill does not resume
    /// from checkpoints of an earlier beginning, which an operator has declared void.
    pub started: i64,
}

/// The checkpoint of one partition.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    pub id: String,
    pub key: Key,
    /// Where the partition begins and ends; documents before `at` are done.
    pub bounds: Range,
    pub at: Option<Bson>,
    /// The document at `at` is done as well.
    pub behind: bool,
    pub done: bool,
    /// How many batches committed.
    pub batches: i64,
    /// How many documents those batches had.
    pub documents: i64,
    pub fence: i64,
    /// How many documents the whole backfill had to change when it began, if that is known.
    pub total: Option<i64>,
    /// When the run that works on it began, and how many documents were done then.
    pub since: Option<(DateTime<Utc>, i64)>,
    pub updated: Option<DateTime<Utc>>,
}

/// What a batch adds to its partition.
#[derive(Clone, Debug)]
pub(crate) struct Advance {
    /// The next batch begins here, or after this `_id` if it is done as well (`behind`).
    pub at: Option<Bson>,
    pub behind: bool,
    pub documents: i64,
    pub done: bool,
}

impl Key {
    fn id(&self, number: usize) -> String {
        format!("{ID_PREFIX}{}:{}:{}:{number}", self.direction, self.version, self.name)
    }

    /// The filter that finds every checkpoint of this backfill, also those of earlier beginnings.
    pub(crate) fn filter(&self) -> Document {
        let prefix = format!("{ID_PREFIX}{}:{}:", self.direction, self.version);
        let end = format!("{ID_PREFIX}{}:{};", self.direction, self.version);
        doc! { "_id": { "$gte": prefix, "$lt": end }, "name": &self.name }
    }
}

impl Partition {
    pub(crate) fn new(key: &Key, number: usize, bounds: Range, total: Option<i64>) -> Self {
        Self {
            id: key.id(number),
            key: key.clone(),
            at: bounds.from.clone(),
            behind: bounds.behind,
            bounds,
            done: false,
            batches: 0,
            documents: 0,
            fence: 0,
            total,
            since: None,
            updated: None,
        }
    }

    /// The range that is not done.
    pub(crate) fn rest(&self) -> Range {
        Range {
            from: self.at.clone(),
            behind: self.behind,
            to: self.bounds.to.clone(),
            including: self.bounds.including,
        }
    }

    /// Reads a checkpoint. `None`: the document is not a checkpoint.
    pub(crate) fn parse(document: &Document) -> Option<Self> {
        let id = document.get_str("_id").ok()?.strip_prefix(ID_PREFIX)?;
        let mut parts = id.splitn(3, ':');
        let direction = match parts.next()? {
            "down" => Direction::Down,
            _ => Direction::Up,
        };
        let version = Version::new(parts.next()?.parse().ok()?);
        let bound = |key: &str| document.get(key).cloned();
        Some(Self {
            id: document.get_str("_id").ok()?.to_owned(),
            key: Key {
                version,
                direction,
                name: document.get_str("name").ok()?.to_owned(),
                started: number(document, "started")?,
            },
            bounds: Range {
                from: bound("from"),
                behind: document.get_bool("fromBehind").unwrap_or(false),
                to: bound("to"),
                including: document.get_bool("including").unwrap_or(false),
            },
            at: bound("at"),
            behind: document.get_bool("behind").unwrap_or(false),
            done: document.get_bool("done").unwrap_or(false),
            batches: stored_count(document, "batches")?,
            documents: stored_count(document, "documents").unwrap_or(0),
            fence: number(document, "fence")?,
            total: stored_count(document, "total"),
            since: date(document, "since")
                .map(|since| (since, stored_count(document, "sinceDocuments").unwrap_or(0))),
            updated: date(document, "updatedAt"),
        })
    }

    /// The statement of an `update` that creates the checkpoint, or takes it over as it is, for
    /// these sessions.
    pub(crate) fn claim_statement(&self, fence: i64, sessions: &[Document]) -> Document {
        let mut set = doc! {
            "fence": fence,
            "lsids": { "$literal": sessions.to_vec() },
            "since": "$$NOW",
            "sinceDocuments": { "$ifNull": ["$documents", 0_i64] },
            "updatedAt": "$$NOW",
        };
        if self.fence == 0 {
            set.extend(doc! {
                "name": literal(&self.key.name),
                "started": self.key.started,
                "batches": 0_i64,
                "documents": 0_i64,
                "done": false,
            });
            let bounds = [("from", &self.bounds.from), ("to", &self.bounds.to), ("at", &self.at)];
            for (key, bound) in bounds {
                if let Some(bound) = bound {
                    set.insert(key, doc! { "$literal": bound.clone() });
                }
            }
            // Only where the backfill covers a part of a collection.
            for (key, is_so) in [
                ("fromBehind", self.bounds.behind),
                ("behind", self.behind),
                ("including", self.bounds.including),
            ] {
                if is_so {
                    set.insert(key, true);
                }
            }
            if let Some(total) = self.total {
                set.insert("total", total);
            }
        }
        doc! { "q": { "_id": &self.id }, "u": [{ "$set": set }], "upsert": true }
    }

    /// The first statement of a batch. It matches only under the fence of its owner, and only
    /// once for each number of batches; like the fence, it changes what it matches. The server
    /// refuses a statement that does not match, and ends its transaction: if it meets the
    /// checkpoint of another owner (E11000), and also if it meets none (the `_id` is not a number).
    /// So a worker that freezes and is replaced leaves no transaction open, whenever it resumes.
    pub(crate) fn guard_statement(&self, fence: i64, advance: &Advance) -> Document {
        let mut set = doc! {
            "name": { "$ifNull": ["$name", { "$toInt": "$_id" }] },
            "batches": self.batches + 1,
            "documents": self.documents + advance.documents,
            "behind": advance.behind,
            "done": advance.done,
            "updatedAt": "$$NOW",
        };
        if let Some(at) = &advance.at {
            set.insert("at", doc! { "$literal": at.clone() });
        }
        doc! {
            "q": { "_id": &self.id, "fence": fence, "batches": self.batches },
            "u": [{ "$set": set }],
            "upsert": true,
        }
    }
}

/// Whether the server refused a guard that does not match: DuplicateKey, ConversionFailure.
pub(crate) fn is_refusal(error: &ServerError) -> bool {
    matches!(error.code(), Some(code::DUPLICATE_KEY | code::CONVERSION_FAILURE))
}

/// The statement of an `update` that raises every checkpoint to a new owner's fence.
pub(crate) fn raise_statement(fence: i64) -> Document {
    doc! {
        "q": { "_id": { "$gte": ID_PREFIX, "$lt": ID_END }, "fence": { "$lt": fence } },
        "u": { "$set": { "fence": fence } },
        "multi": true,
    }
}

/// The filter that finds the checkpoints of workers under older fences.
pub(crate) fn older_filter(fence: i64) -> Document {
    doc! { "_id": { "$gte": ID_PREFIX, "$lt": ID_END }, "fence": { "$lt": fence } }
}

/// The sessions that a checkpoint names.
pub(crate) fn sessions(document: &Document) -> Vec<Document> {
    let named = document.get_array("lsids").map(Vec::as_slice).unwrap_or_default();
    named.iter().filter_map(Bson::as_document).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_colons_are_told_apart() {
        let key = |name: &str| Key {
            version: Version::new(7),
            direction: Direction::Down,
            name: name.to_owned(),
            started: 3,
        };
        let partition = Partition::new(&key("a:1"), 2, Range::default(), Some(9));
        assert_eq!(partition.id, "backfill:down:7:a:1:2");
        let stored = doc! {
            "_id": &partition.id, "name": "a:1", "started": 3_i64, "batches": 5, "fence": 2,
            "documents": 10_i64, "total": 9_i64, "at": "m",
        };
        let read = Partition::parse(&stored).unwrap();
        assert_eq!(read.key, key("a:1"));
        assert_eq!((read.batches, read.documents, read.total), (5, 10, Some(9)));
        assert_eq!(read.rest(), Range { from: Some("m".into()), ..Range::default() });
        assert!(Partition::parse(&doc! { "_id": "backfill:x" }).is_none());
    }
}
