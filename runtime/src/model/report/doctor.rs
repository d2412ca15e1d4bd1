//! The report of `doctor`: what the server, the user and the settings mean for migrations.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::error::kind::Kind;

/// What the server is, what this user may do, and what that means for the migrations of this build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DoctorReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// What was read and measured.
    pub server: DoctorServer,
    /// What was checked, in a fixed order: every check has at least one finding.
    pub findings: Vec<DoctorFinding>,
}

impl DoctorReport {
    /// The class of the first error, if there is one: what migrations would fail with. Its
    /// [`exit_code`](Kind::exit_code) is that of `doctor`.
    pub fn refused(&self) -> Option<Kind> {
        self.findings.iter().find_map(|finding| finding.refused)
    }

    /// Whether no finding is an error or a warning.
    pub fn is_healthy(&self) -> bool {
        self.findings.iter().all(|finding| finding.verdict < DoctorVerdict::Warning)
    }
}

/// What was read of the server, and measured. What the user may not read is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DoctorServer {
    /// The product, as `MongoDB` or `Amazon DocumentDB`.
    pub product: String,
    /// The version that the server reports, as `6.0.5`; empty if it reports none.
    pub version: String,
    /// The feature compatibility version, as `6.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_version: Option<String>,
    /// The user, as `migrator@admin`; `None` without sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The shortest of a few round trips, in milliseconds.
    pub round_trip_ms: u64,
    /// How long the commit of a transaction that only read took, in milliseconds: the median of a few.
    /// The server answers when a majority has it in its oplog. A run waits this long at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub majority_ms: Option<u64>,
    /// By how many milliseconds the clock of this process is ahead of the server's; negative: behind.
    /// Only to be told: Mongrate decides by the server's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ahead_ms: Option<i64>,
    /// After how many seconds the server ends a transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_lifetime_s: Option<u64>,
    /// How many seconds of writes the oplog holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oplog_window_s: Option<u64>,
    /// The size that the oplog may have, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oplog_bytes: Option<u64>,
    /// The size of the storage engine's cache, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_bytes: Option<u64>,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DoctorFinding {
    /// What was checked.
    pub check: DoctorCheck,
    /// How it stands.
    pub verdict: DoctorVerdict,
    /// What was found.
    pub found: String,
    /// The one thing of several that the finding is about: a right, or a migration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// For an error: the class of the error that a run ends with because of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Kind>,
    /// What that means for migrations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consequence: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way_out: Option<String>,
}

/// How a check ended, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum DoctorVerdict {
    /// As it should be.
    Ok,
    /// Worth to know; nothing has to be done.
    Note,
    /// It could not be found out, and says why.
    Unknown,
    /// Some migrations, or some circumstances, meet a problem.
    Warning,
    /// Migrations are refused, or fail.
    Error,
}

impl DoctorVerdict {
    /// The name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for DoctorVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum DoctorCheck {
    /// The product and its version, and whether Mongrate's tests run on it.
    Server,
    /// Replica set, sharded cluster or standalone server; whether a majority outlives a member.
    Topology,
    /// A privilege of the user.
    Right,
    /// Whether the control collection is Mongrate's, and can be read.
    ControlCollection,
    /// Whether the history fits this build: nothing renamed, edited or late.
    History,
    /// The policies that hold, and whether they refuse what is pending now.
    Policies,
    /// Whether a dead process's transaction can be ended at once.
    KillSessions,
    /// The write concern that the app's writes have if they name none.
    WriteConcern,
    /// How long the server waits for a majority.
    Majority,
    /// The clocks of this process and of the server.
    Clock,
    /// How long a transaction may last.
    TransactionLifetime,
    /// Whether the oplog outlasts the pending backfills.
    Oplog,
    /// Whether the cache holds the batches of a backfill.
    Cache,
    /// Whether this version of the server knows what pending migrations declare.
    Features,
}

impl DoctorCheck {
    /// The name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Topology => "topology",
            Self::Right => "right",
            Self::ControlCollection => "control_collection",
            Self::History => "history",
            Self::Policies => "policies",
            Self::KillSessions => "kill_sessions",
            Self::WriteConcern => "write_concern",
            Self::Majority => "majority",
            Self::Clock => "clock",
            Self::TransactionLifetime => "transaction_lifetime",
            Self::Oplog => "oplog",
            Self::Cache => "cache",
            Self::Features => "features",
        }
    }
}

impl fmt::Display for DoctorCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
