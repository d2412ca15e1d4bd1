//! Tags: names for states of the history, in the record of the migration that was applied last. Alone
//! in knowing their BSON shape.
//!
//! In a record, because readers of older builds refuse a control collection with a document that they
//! do not know, and leave a field alone that they do not know.

use chrono::{DateTime, Utc};
use mongodb::bson::{Document, RawDocument, doc};

use super::{
    documents::{EVENTS_MAX, append, literal, parse_who, who_document},
    stamp::Stamp,
};
use crate::{
    model::{digest::Digest, state::Who, version::Version},
    mongo::fields::{self, Fields as _},
};

/// A tag, as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct StoredTag {
    pub name: String,
    pub at: DateTime<Utc>,
    pub by: Who,
    pub why: Option<String>,
    /// The set of versions that were applied: without checksums, which `repair` changes.
    pub applied: Digest,
}

/// The set of these versions.
pub(crate) fn set_of(versions: impl IntoIterator<Item = Version>) -> Digest {
    Digest::of(versions.into_iter().map(|version| (version, "")))
}

/// Takes a version out of a set.
pub(crate) fn without(set: &mut Digest, version: Version) {
    set.remove(version, "");
}

impl StoredTag {
    /// `None`: Mongrate does not write such a document.
    pub(crate) fn parse(stored: &RawDocument) -> Option<Self> {
        let applied = stored.get_document("applied").ok()?;
        Some(Self {
            name: stored.text("name")?.to_owned(),
            at: fields::date(stored.get_datetime("at").ok()?)?,
            by: stored.get_document("by").map(parse_who).unwrap_or_default(),
            why: stored.text("why").map(str::to_owned),
            applied: Digest::from_document(&Document::try_from(applied).ok()?)?,
        })
    }
}

/// What the event of a tag says: the name, and why.
pub(crate) fn note(name: &str, why: Option<&str>) -> String {
    why.map_or_else(|| name.to_owned(), |why| format!("{name}: {why}"))
}

/// The statement that gives the name to the state in which these are `applied`, in the record of the
/// migration that was applied last.
pub(crate) fn set_statement(
    last: Version,
    name: &str,
    applied: Digest,
    stamp: &Stamp<'_>,
) -> Document {
    let mut tag = doc! {
        "name": literal(name),
        "at": "$$NOW",
        "by": who_document(stamp.who),
        "applied": applied.to_document(),
    };
    if let Some(why) = stamp.why {
        tag.insert("why", literal(why));
    }
    let tags = doc! { "$concatArrays": [others(name), [tag]] };
    statement(last, doc! { "tags": tags }, "tagged", name, stamp)
}

/// The statement that removes the name from the record of this version.
pub(crate) fn remove_statement(version: Version, name: &str, stamp: &Stamp<'_>) -> Document {
    let none = doc! { "$eq": [others(name), []] };
    let tags = doc! { "$cond": [none, "$$REMOVE", others(name)] };
    statement(version, doc! { "tags": tags }, "untagged", name, stamp)
}

/// The tags of a record without this one.
fn others(name: &str) -> Document {
    let tags = doc! { "$ifNull": ["$tags", []] };
    doc! { "$filter": { "input": tags, "cond": { "$ne": ["$$this.name", literal(name)] } } }
}

fn statement(
    version: Version,
    mut set: Document,
    event: &str,
    name: &str,
    stamp: &Stamp<'_>,
) -> Document {
    let event = doc! {
        "at": "$$NOW", "fence": stamp.fence, "by": who_document(stamp.who), "event": event,
        "note": literal(&note(name, stamp.why)),
    };
    set.insert("events", doc! { "$slice": [append("events", event), -EVENTS_MAX] });
    doc! { "q": { "_id": version.get() }, "u": [{ "$set": set }] }
}
