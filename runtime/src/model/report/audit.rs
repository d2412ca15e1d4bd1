//! The reports of the audit log.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{failure::Failure, history::HistoryEvent};
use crate::model::{
    invalid_setting::InvalidSetting,
    state::{Direction, Who},
    version::Version,
};

/// The number and the hash of an entry of the audit log: of the newest one, if it is the log's head.
///
/// As text, `7:` and 64 hexadecimal digits.
///
/// ```
/// let text = format!("7:{}", "0f".repeat(32));
/// let head: mongrate::AuditHead = text.parse()?;
/// assert_eq!((head.number, head.to_string()), (7, text));
/// assert!("7:abc".parse::<mongrate::AuditHead>().is_err());
/// # Ok::<_, mongrate::InvalidSetting>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditHead {
    /// The number of the entry, from 1.
    pub number: i64,
    /// The SHA-256 of the entry's canonical text, as 64 lower-case hexadecimal digits.
    pub hash: String,
}

impl AuditHead {
    pub(crate) fn new(number: i64, hash: impl Into<String>) -> Self {
        Self { number, hash: hash.into() }
    }
}

impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.hash)
    }
}

impl FromStr for AuditHead {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || InvalidSetting {
            setting: "head",
            problem:
                "is not a number, a colon and 64 hexadecimal digits, as `audit --head` prints them"
                    .to_owned(),
        };
        let (number, hash) = text.trim().split_once(':').ok_or_else(wrong)?;
        let number = number.parse().ok().filter(|number| *number >= 1).ok_or_else(wrong)?;
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then(|| Self::new(number, hash.to_ascii_lowercase())).ok_or_else(wrong)
    }
}

/// What is applied, as the fence counts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditDigest {
    /// How many migrations are applied.
    pub count: i64,
    /// The sum of their hashes, as 64 hexadecimal digits.
    pub digest: String,
}

impl AuditDigest {
    pub(crate) fn new(count: i64, digest: impl Into<String>) -> Self {
        Self { count, digest: digest.into() }
    }
}

/// One entry of the audit log: one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditEntry {
    /// The number of the entry, from 1.
    pub number: i64,
    /// When it happened, by the server's clock.
    pub at: DateTime<Utc>,
    /// What happened: the words of [`HistoryEvent::event`], and `audit_began`, `audit_ended`,
    /// `audit_reattached`, `audit_pruned`, `requests_lost`, `digest_rebuilt`, `purged`.
    pub event: String,
    /// The migration's version, for events of a migration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The migration's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the migration was applied or rolled back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The person: the name of the token or the user over HTTP, the user of the operating system on the
    /// command line, or what [`Migrator::user`](crate::Migrator::user) said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The process that did it.
    pub by: Who,
    /// The fence number of that process.
    pub fence: i64,
    /// The number of the guarded transaction that wrote this entry.
    pub guard: i64,
    /// What was applied before that transaction.
    pub before: AuditDigest,
    /// What was applied after it.
    pub after: AuditDigest,
    /// The checksum of the migration in the build that wrote this entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// Why the migration failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Why an operator asked for it, or what was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How many guarded transactions before this one have no entry, because a build without the audit
    /// log committed them.
    #[serde(default)]
    pub missed: i64,
    /// The hash of the entry before this one; zeros for the first one.
    pub previous: String,
    /// The hash of this entry.
    pub hash: String,
    /// Whether the entry is signed.
    #[serde(default)]
    pub signed: bool,
}

/// What [`Migrator::audit`](crate::Migrator::audit) returns: a part of the audit log, oldest entry first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditPage {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The collection of the log.
    pub collection: String,
    /// Whether new events are added to the log.
    pub on: bool,
    /// The newest entry, as the fence knows it; none if there has never been an audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<AuditHead>,
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// The number for [`before`](crate::Audit::before) that leads to older entries; none if there are no
    /// more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
    /// Requests of operators that the next run writes into the log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<HistoryEvent>,
}

/// How an audit log is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum AuditBreakKind {
    /// An entry is not what it was when the next one was written.
    Changed,
    /// Entries between two others are gone.
    Missing,
    /// The newest entries are gone.
    Trimmed,
    /// An entry is there that no run of Mongrate wrote.
    Inserted,
    /// What is applied has changed between two entries, without an entry or a gap that says so.
    State,
    /// A signature is missing or wrong.
    Signature,
}

impl AuditBreakKind {
    /// The kind as it is printed, e.g. `changed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Trimmed => "trimmed",
            Self::Inserted => "inserted",
            Self::State => "state",
            Self::Signature => "signature",
        }
    }
}

/// A place where the audit log is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditBreak {
    /// The number of the entry at which it shows.
    pub number: i64,
    /// What is wrong.
    pub kind: AuditBreakKind,
    /// The same in words.
    pub text: String,
}

impl AuditBreak {
    pub(crate) fn new(number: i64, kind: AuditBreakKind, text: impl Into<String>) -> Self {
        Self { number, kind, text: text.into() }
    }
}

impl fmt::Display for AuditBreak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}: {}: {}", self.number, self.kind.as_str(), self.text)
    }
}

/// Events that have no entry, and the log says so itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditGap {
    /// The number of the entry before which events are missing; the number after the newest entry, if
    /// they came after it.
    pub number: i64,
    /// Why, and how many.
    pub text: String,
}

impl AuditGap {
    pub(crate) fn new(number: i64, text: impl Into<String>) -> Self {
        Self { number, text: text.into() }
    }
}

/// What [`Migrator::verify_audit`](crate::Migrator::verify_audit) found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditVerification {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The collection of the log.
    pub collection: String,
    /// Whether new events are added to the log.
    pub on: bool,
    /// How many entries were read.
    pub entries: u64,
    /// The number of the oldest entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<i64>,
    /// The newest entry, as the fence knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<AuditHead>,
    /// The last entry that [`prune_audit`](crate::Migrator::prune_audit) removed, as the log says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruned_to: Option<AuditHead>,
    /// How many entries are signed.
    pub signed: u64,
    /// Whether their signatures were checked: with `VerifyAudit::public_key`.
    #[serde(default)]
    pub signatures_checked: bool,
    /// Where the log is broken; the first hundred places.
    pub breaks: Vec<AuditBreak>,
    /// Where events are missing, and the log says so itself: a build without the audit log ran.
    pub gaps: Vec<AuditGap>,
    /// How many requests of operators the next run will write into the log.
    pub waiting: u64,
}

impl AuditVerification {
    /// Whether the log is what Mongrate wrote, from its first entry to its head. Gaps that the log names
    /// do not count.
    pub fn is_whole(&self) -> bool {
        self.breaks.is_empty()
    }
}

/// What [`Migrator::enable_audit`](crate::Migrator::enable_audit) and
/// [`disable_audit`](crate::Migrator::disable_audit) did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditChange {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The collection of the log.
    pub collection: String,
    /// Whether new events are added to the log from now on.
    pub on: bool,
    /// Whether this call changed that, or attached the log again.
    pub changed: bool,
    /// The newest entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<AuditHead>,
}

/// What [`Migrator::prune_audit`](crate::Migrator::prune_audit) removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditPruned {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The collection of the log.
    pub collection: String,
    /// How many entries were removed, or would be.
    pub entries: u64,
    /// The last entry that was removed: the log holds its number and hash from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruned_to: Option<AuditHead>,
    /// The newest entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<AuditHead>,
    /// Whether they were removed; `false` for a preview.
    pub pruned: bool,
}
