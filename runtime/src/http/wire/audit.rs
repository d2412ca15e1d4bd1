//! The answers with the audit log.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    holder::Holder,
    report::{Failure, HistoryEvent},
    texts::Texts,
};
use crate::{AuditBreakKind, Direction, model::report::audit};

/// The number and the hash of an entry.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct AuditHead {
    /// The number of the entry.
    number: i64,
    /// The SHA-256 of the entry, as 64 hexadecimal digits.
    hash: String,
}

impl From<audit::AuditHead> for AuditHead {
    fn from(audit::AuditHead { number, hash }: audit::AuditHead) -> Self {
        Self { number, hash }
    }
}

/// What is applied.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct AuditDigest {
    /// How many migrations are applied.
    count: i64,
    /// The sum of their hashes.
    digest: String,
}

impl From<audit::AuditDigest> for AuditDigest {
    fn from(audit::AuditDigest { count, digest }: audit::AuditDigest) -> Self {
        Self { count, digest }
    }
}

/// One entry of the audit log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct AuditEntry {
    /// The number of the entry, from 1.
    number: i64,
    /// When it happened, by MongoDB's clock.
    at: DateTime<Utc>,
    /// What happened.
    event: String,
    /// The migration's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    /// The migration's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The direction of the migration.
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<Direction>,
    /// The person, or the name of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// The process.
    by: Holder,
    /// The fence number of the process.
    fence: i64,
    /// The number of the guarded transaction that wrote the entry.
    guard: i64,
    /// What was applied before.
    before: AuditDigest,
    /// What was applied afterwards.
    after: AuditDigest,
    /// The checksum of the migration.
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
    /// Why the migration failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// Why an operator asked for it, or what was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// How many guarded transactions before it have no entry.
    missed: i64,
    /// The hash of the entry before it.
    previous: String,
    /// The hash of this entry.
    hash: String,
    /// Whether the entry is signed.
    signed: bool,
}

/// One page of the audit log, newest entry first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct AuditPage {
    /// The group.
    group: String,
    /// The database.
    database: String,
    /// Whether new events are added to the log.
    on: bool,
    /// The newest entry of the log; left out if there is no log.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<AuditHead>,
    /// The entries of this page.
    entries: Vec<AuditEntry>,
    /// The `before` of the next page; left out on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
    /// Requests of operators that the next run writes into the log.
    waiting: Vec<HistoryEvent>,
}

impl AuditPage {
    pub(in crate::http) fn new(page: audit::AuditPage, texts: Texts) -> Self {
        let audit::AuditPage { group, database, collection: _, on, head, entries, next, waiting } =
            page;
        let entries = entries.into_iter().rev().map(|entry| AuditEntry::new(entry, texts));
        let waiting = waiting.into_iter().map(|event| HistoryEvent::new(event, texts));
        Self {
            group,
            database,
            on,
            head: head.map(AuditHead::from),
            entries: entries.collect(),
            next,
            waiting: waiting.collect(),
        }
    }
}

impl AuditEntry {
    fn new(entry: audit::AuditEntry, texts: Texts) -> Self {
        let audit::AuditEntry { number, at, event, version, name, direction, user, by, .. } = entry;
        let audit::AuditEntry { fence, guard, before, after, checksum, failure, note, .. } = entry;
        let audit::AuditEntry { missed, previous, hash, signed, .. } = entry;
        Self {
            number,
            at,
            event,
            version: version.map(crate::Version::get),
            name,
            direction,
            user,
            by: by.into(),
            fence,
            guard,
            before: before.into(),
            after: after.into(),
            checksum,
            failure: failure.map(|failure| Failure::new(failure, texts)),
            note,
            missed,
            previous,
            hash,
            signed,
        }
    }
}

/// A place where the log is broken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct AuditBreak {
    /// The number of the entry.
    number: i64,
    /// What is wrong.
    kind: AuditBreakKind,
    /// The same in words.
    text: String,
}

/// Events that have no entry, and the log says so itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct AuditGap {
    /// The number of the entry before which events are missing.
    number: i64,
    /// Why, and how many.
    text: String,
}

/// What a check of the audit log found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct AuditVerification {
    /// The group.
    group: String,
    /// The database.
    database: String,
    /// Whether the log is what Mongrate wrote.
    whole: bool,
    /// Whether new events are added to the log.
    on: bool,
    /// How many entries were read.
    entries: u64,
    /// The number of the oldest entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<i64>,
    /// The newest entry. Keep it elsewhere, and pass it as `head` later.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<AuditHead>,
    /// The last entry that was pruned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pruned_to: Option<AuditHead>,
    /// How many entries are signed; the signatures are not checked.
    signed: u64,
    /// Where the log is broken; the first hundred places.
    breaks: Vec<AuditBreak>,
    /// Where events are missing, and the log says so itself.
    gaps: Vec<AuditGap>,
    /// How many requests of operators the next run will write.
    waiting: u64,
}

impl From<audit::AuditVerification> for AuditVerification {
    fn from(found: audit::AuditVerification) -> Self {
        let whole = found.is_whole();
        let audit::AuditVerification { group, database, collection: _, on, entries, .. } = found;
        let audit::AuditVerification { first, head, pruned_to, signed, breaks, gaps, .. } = found;
        let broken = |audit::AuditBreak { number, kind, text }: audit::AuditBreak| AuditBreak {
            number,
            kind,
            text: without_flags(&text),
        };
        let gap = |audit::AuditGap { number, text }: audit::AuditGap| AuditGap {
            number,
            text: without_flags(&text),
        };
        Self {
            group,
            database,
            whole,
            on,
            entries,
            first,
            head: head.map(AuditHead::from),
            pruned_to: pruned_to.map(AuditHead::from),
            signed,
            breaks: breaks.into_iter().map(broken).collect(),
            gaps: gaps.into_iter().map(gap).collect(),
            waiting: found.waiting,
        }
    }
}

/// Names the act instead of the command.
fn without_flags(text: &str) -> String {
    text.replace("`audit --enable` attached it", "an operator attached it")
        .replace(": `audit --enable` begins one", "")
}

/// What became of the audit log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct AuditChange {
    /// The group.
    group: String,
    /// The database.
    database: String,
    /// Whether new events are added to the log from now on.
    on: bool,
    /// Whether this request changed that, or attached the log again.
    changed: bool,
    /// The newest entry; left out if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<AuditHead>,
}

impl From<audit::AuditChange> for AuditChange {
    fn from(report: audit::AuditChange) -> Self {
        let audit::AuditChange { group, database, collection: _, on, changed, head } = report;
        Self { group, database, on, changed, head: head.map(AuditHead::from) }
    }
}

/// Which entries of the audit log were removed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct AuditPruned {
    /// The group.
    group: String,
    /// The database.
    database: String,
    /// How many entries were removed, or would be.
    entries: u64,
    /// The last entry that was removed: the log holds its number and hash from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pruned_to: Option<AuditHead>,
    /// The newest entry; left out if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<AuditHead>,
    /// Whether they were removed; `false` with `dry_run`.
    pruned: bool,
}

impl From<audit::AuditPruned> for AuditPruned {
    fn from(report: audit::AuditPruned) -> Self {
        let audit::AuditPruned { group, database, collection: _, entries, pruned_to, head, pruned } =
            report;
        let (pruned_to, head) = (pruned_to.map(AuditHead::from), head.map(AuditHead::from));
        Self { group, database, entries, pruned_to, head, pruned }
    }
}
