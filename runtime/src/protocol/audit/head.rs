//! What the fence says of the audit log.

use mongodb::bson::{Document, doc};

use crate::{model::report::audit::AuditHead, mongo::reply::stored_count};

/// The `previous` of the first document.
pub(crate) const NONE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The newest document of the log, and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Whether guarded transactions add to the log.
    pub on: bool,
    /// The number of the newest document; 0: there has never been one.
    pub number: i64,
    pub hash: String,
    /// The number of the newest guarded transaction of a build that knows the log.
    pub guards: i64,
    /// How many requests of operators are in the log.
    pub asked: i64,
}

impl Default for Head {
    fn default() -> Self {
        Self { on: false, number: 0, hash: NONE.to_owned(), guards: 0, asked: 0 }
    }
}

impl Head {
    /// Reads it from the fence; `None`: there has never been an audit log.
    pub(crate) fn parse(fence: &Document) -> Option<Self> {
        let stored = fence.get_document("audit").ok()?;
        // What no build of Mongrate writes counts as nothing: the next entry then meets one that is there.
        Some(Self {
            on: stored.get_bool("on").unwrap_or(false),
            number: stored_count(stored, "number").unwrap_or(0),
            hash: stored.get_str("hash").unwrap_or(NONE).to_owned(),
            guards: stored_count(stored, "guards").unwrap_or(0),
            asked: stored_count(stored, "asked").unwrap_or(0),
        })
    }

    pub(crate) fn to_document(&self) -> Document {
        let Self { on, number, hash, guards, asked } = self;
        doc! { "on": *on, "number": *number, "hash": hash, "guards": *guards, "asked": *asked }
    }

    /// The head as it is shown; none before the first document.
    pub(crate) fn shown(&self) -> Option<AuditHead> {
        (self.number > 0).then(|| AuditHead::new(self.number, &*self.hash))
    }
}
