//! The answer with what was checked of the server and of the user's rights.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{DoctorCheck, DoctorVerdict, Kind, model::report::doctor as report};

/// What the server is, what the app's user may do, and what that means for migrations.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DoctorReport)]
pub(in crate::http) struct Doctor {
    /// The group.
    group: String,
    /// The database.
    database: String,
    /// The worst of the findings.
    verdict: DoctorVerdict,
    /// What was read of the server, and measured.
    server: Server,
    /// What was checked, in a fixed order.
    findings: Vec<Finding>,
}

/// What was read of the server, and measured. What the user may not read is left out.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DoctorServer)]
pub(in crate::http) struct Server {
    /// The product.
    product: String,
    /// The version that the server reports.
    version: String,
    /// The feature compatibility version.
    #[serde(skip_serializing_if = "Option::is_none")]
    feature_version: Option<String>,
    /// The shortest of a few round trips, in milliseconds.
    round_trip_ms: u64,
    /// How long a majority takes to answer, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    majority_ms: Option<u64>,
    /// By how many milliseconds the clock of this process is ahead of the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_ahead_ms: Option<i64>,
    /// After how many seconds the server ends a transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_lifetime_s: Option<u64>,
    /// How many seconds of writes the oplog holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    oplog_window_s: Option<u64>,
    /// The size that the oplog may have, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    oplog_bytes: Option<u64>,
    /// The size of the storage engine's cache, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_bytes: Option<u64>,
}

/// What one check found.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DoctorFinding)]
pub(in crate::http) struct Finding {
    /// What was checked.
    check: DoctorCheck,
    /// How it stands.
    verdict: DoctorVerdict,
    /// What was found.
    found: String,
    /// The right, or the migration, that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<String>,
    /// For an error: the class of the error that a run ends with because of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Kind>,
    /// What that means for migrations.
    #[serde(skip_serializing_if = "Option::is_none")]
    consequence: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    way_out: Option<String>,
}

impl From<report::DoctorReport> for Doctor {
    fn from(report: report::DoctorReport) -> Self {
        let report::DoctorReport { group, database, server, findings } = report;
        let worst = findings.iter().map(|finding| finding.verdict).max();
        Self {
            group,
            database,
            verdict: worst.unwrap_or(DoctorVerdict::Ok),
            server: server.into(),
            findings: findings.into_iter().map(Finding::from).collect(),
        }
    }
}

impl From<report::DoctorServer> for Server {
    fn from(server: report::DoctorServer) -> Self {
        // The name of the user is nothing for every reader of an answer.
        let report::DoctorServer {
            product,
            version,
            feature_version,
            user: _,
            round_trip_ms,
            majority_ms,
            clock_ahead_ms,
            transaction_lifetime_s,
            oplog_window_s,
            oplog_bytes,
            cache_bytes,
        } = server;
        Self {
            product,
            version,
            feature_version,
            round_trip_ms,
            majority_ms,
            clock_ahead_ms,
            transaction_lifetime_s,
            oplog_window_s,
            oplog_bytes,
            cache_bytes,
        }
    }
}

impl From<report::DoctorFinding> for Finding {
    fn from(finding: report::DoctorFinding) -> Self {
        let report::DoctorFinding { check, verdict, found, of, refused, consequence, way_out } =
            finding;
        Self { check, verdict, found, of, refused, consequence, way_out }
    }
}
