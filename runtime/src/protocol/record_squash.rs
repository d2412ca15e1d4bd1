//! The statements that change the records of what a squash stands for.

use mongodb::bson::{Document, doc};

use super::{
    documents::{EVENTS_MAX, append, literal, who_document},
    record::Stored,
    stamp::Stamp,
};
use crate::model::version::Version;

/// The statement that leaves it to a squash to stand for the applied migrations up to a version,
/// `except` the record of the squash itself.
pub(crate) fn replaced_statement(to: Version, except: Version, stamp: &Stamp<'_>) -> Document {
    let event = doc! {
        "at": "$$NOW", "fence": stamp.fence, "by": who_document(stamp.who), "event": "replaced",
        "direction": "up", "note": literal(&format!("{except} stands for it")),
    };
    let events = doc! { "$slice": [append("events", event), -EVENTS_MAX] };
    let range = doc! { "$gt": 0_i64, "$lte": to.get(), "$ne": except.get() };
    doc! {
        "q": { "_id": range, "state": { "$in": LEFT_TO_A_SQUASH.map(Stored::as_str).to_vec() } },
        "u": [{ "$set": { "state": Stored::Replaced.as_str(), "events": events } }],
        "multi": true,
    }
}

/// The states whose records a squash replaces. (Half-done ones only by an operator's word.)
const LEFT_TO_A_SQUASH: [Stored; 3] = [Stored::Applied, Stored::Running, Stored::Failed];

pub(crate) fn is_left_to_a_squash(state: Stored) -> bool {
    LEFT_TO_A_SQUASH.contains(&state)
}

/// The statement that puts records of these versions, which a squash stood for, in force again.
pub(crate) fn restored_statement(
    versions: &[Version],
    squash: Version,
    stamp: &Stamp<'_>,
) -> Document {
    let event = doc! {
        "at": "$$NOW", "fence": stamp.fence, "by": who_document(stamp.who), "event": "resolved",
        "direction": "up", "note": literal(&format!("{squash} does not stand for it")),
    };
    let events = doc! { "$slice": [append("events", event), -EVENTS_MAX] };
    let ids: Vec<i64> = versions.iter().map(|version| version.get()).collect();
    doc! {
        "q": { "_id": { "$in": ids }, "state": Stored::Replaced.as_str() },
        "u": [{ "$set": { "state": Stored::Applied.as_str(), "events": events } }],
        "multi": true,
    }
}
