//! One document of the log: made, read, and its hash.

use chrono::{DateTime, Utc};
use mongodb::bson::{self, Bson, Document, RawDocument, RawDocumentBuf, doc};
use mongrate_seal::hex;
use sha2::{Digest as _, Sha256};

use crate::{
    model::{
        audit_key::AuditKey,
        digest::Digest,
        identity::Identity,
        report::{
            audit::{AuditDigest, AuditEntry, AuditHead},
            failure::Failure,
        },
        state::{Direction, Who},
        version::Version,
    },
    mongo::{
        canonical,
        fields::{self, Fields as _},
    },
    protocol::documents::{parse_failure, parse_who},
};

/// The field that holds the hash of the document before.
pub(crate) const PREVIOUS: &str = "previous";

/// The last field, which no signature covers.
pub(crate) const SIGNATURE: &str = "signature";

/// What is to be written into the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Note {
    pub event: String,
    pub migration: Option<Identity>,
    pub direction: Option<Direction>,
    pub failure: Option<Failure>,
    pub note: Option<String>,
    /// The last document that is removed.
    pub pruned_to: Option<AuditHead>,
}

impl Note {
    pub(crate) fn new(event: impl Into<String>) -> Self {
        Self { event: event.into(), ..Self::default() }
    }

    pub(crate) fn text(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }
}

/// When, who, and under which transaction: the same for each document of a transaction, but for requests
/// of operators, which others made before.
#[derive(Clone, Debug)]
pub(crate) struct Circumstances<'a> {
    pub at: DateTime<Utc>,
    pub user: Option<&'a str>,
    pub by: &'a Who,
    pub fence: i64,
    pub guard: i64,
    pub before: Digest,
    pub after: Digest,
}

/// The document with this number, after the document with the hash `previous`, and its own hash. `None`
/// never comes: each of its fields has a canonical form.
pub(crate) fn document(
    number: i64,
    previous: &str,
    note: &Note,
    around: &Circumstances<'_>,
    missed: i64,
    key: Option<&AuditKey>,
) -> Option<(Document, String)> {
    let Circumstances { at, user, by, fence, guard, before, after } = around;
    let mut entry = doc! {
        "_id": number,
        "at": bson::DateTime::from_millis(at.timestamp_millis()),
        "event": &note.event,
    };
    if let Some(migration) = &note.migration {
        entry.extend(doc! { "version": migration.version.get(), "name": &*migration.name });
    }
    if let Some(direction) = note.direction {
        entry.insert("direction", direction.as_str());
    }
    if let Some(user) = user {
        entry.insert("user", *user);
    }
    entry.extend(doc! {
        "by": { "host": &by.host, "pid": i64::from(by.pid), "app": &by.app },
        "fence": *fence,
        "guard": *guard,
        "before": before.to_document(),
        "after": after.to_document(),
    });
    if let Some(migration) = &note.migration {
        entry.insert("checksum", &*migration.checksum);
    }
    if let Some(Failure { message, code, code_name }) = &note.failure {
        let mut failure = doc! { "message": message };
        failure.extend(code.map(|code| ("code".to_owned(), Bson::from(code))));
        failure.extend(code_name.as_ref().map(|name| ("codeName".to_owned(), name.into())));
        entry.insert("failure", failure);
    }
    if let Some(text) = &note.note {
        entry.insert("note", text);
    }
    if let Some(AuditHead { number, hash }) = &note.pruned_to {
        entry.insert("prunedTo", doc! { "number": *number, "hash": hash });
    }
    if missed > 0 {
        entry.insert("missed", missed);
    }
    entry.insert(PREVIOUS, previous);
    if let Some(key) = key {
        entry.insert("key", key.id());
        let unsigned = canonical::text(&RawDocumentBuf::try_from(&entry).ok()?)?;
        entry.insert(SIGNATURE, key.sign(unsigned.as_bytes()));
    }
    let text = canonical::text(&RawDocumentBuf::try_from(&entry).ok()?)?;
    Some((entry, hash(&text)))
}

/// The SHA-256 of a document's canonical text.
pub(crate) fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// A document of the log as it was read. What it says of the log itself is read strictly, the rest as far
/// as it goes.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub number: i64,
    pub previous: String,
    pub hash: String,
    /// The canonical text.
    pub text: String,
    pub guard: i64,
    pub before: Option<Digest>,
    pub after: Option<Digest>,
    pub missed: i64,
    pub event: String,
    pub note: Option<String>,
    pub pruned_to: Option<AuditHead>,
    /// Which key signed the document, and the signature.
    pub signature: Option<(String, String)>,
}

impl Read {
    /// Reads a document; `None` if it is none of the log's.
    pub(crate) fn parse(document: &RawDocument) -> Option<Self> {
        let text = canonical::text(document)?;
        let digest = |key: &str| {
            let found = Document::try_from(fields::raw(document, key)?.as_document()?).ok()?;
            Digest::from_document(&found)
        };
        let pruned_to = fields::raw(document, "prunedTo").and_then(|found| found.as_document());
        let number =
            document.number("_id").and_then(fields::counted).filter(|number| *number > 0)?;
        Some(Self {
            number,
            previous: document.text(PREVIOUS)?.to_owned(),
            hash: hash(&text),
            text,
            guard: document.number("guard")?,
            before: digest("before"),
            after: digest("after"),
            missed: document.number("missed").and_then(fields::counted).unwrap_or(0),
            event: document.text("event")?.to_owned(),
            note: document.text("note").map(str::to_owned),
            pruned_to: pruned_to.and_then(|found| {
                // An entry says it of entries before it.
                let last = found.number("number").filter(|last| (1..number).contains(last))?;
                Some(AuditHead::new(last, found.text("hash")?))
            }),
            signature: document.text(SIGNATURE).map(|signature| {
                (document.text("key").unwrap_or_default().to_owned(), signature.to_owned())
            }),
        })
    }

    /// The text that a signature covers: the document without its last field, the signature.
    pub(crate) fn signed_text(&self) -> Option<String> {
        let (_, signature) = self.signature.as_ref()?;
        let last = format!(",{:?}:{signature:?}}}", SIGNATURE);
        Some(format!("{}}}", self.text.strip_suffix(&last)?))
    }
}

/// An entry as it is shown; `None` for a document that is none of the log's.
pub(crate) fn shown(document: &RawDocument) -> Option<AuditEntry> {
    let read = Read::parse(document)?;
    let nested = |key: &str| fields::raw(document, key).and_then(|found| found.as_document());
    let digest = |key: &str| {
        let found = nested(key)?;
        Some(AuditDigest::new(found.number("count")?, found.text("digest")?))
    };
    let none = || AuditDigest::new(0, super::head::NONE);
    let text = |key: &str| document.text(key).map(str::to_owned);
    Some(AuditEntry {
        number: read.number,
        at: fields::raw(document, "at")?.as_datetime().and_then(fields::date)?,
        event: read.event,
        version: document.number("version").map(Version::new),
        name: text("name"),
        direction: match document.text("direction") {
            Some("up") => Some(Direction::Up),
            Some("down") => Some(Direction::Down),
            _ => None,
        },
        user: text("user"),
        by: nested("by").map(parse_who).unwrap_or_default(),
        fence: document.number("fence").unwrap_or(0),
        guard: read.guard,
        before: digest("before").unwrap_or_else(none),
        after: digest("after").unwrap_or_else(none),
        checksum: text("checksum"),
        failure: nested("failure").map(parse_failure),
        note: text("note"),
        missed: read.missed,
        previous: read.previous,
        hash: read.hash,
        signed: read.signature.is_some(),
    })
}
