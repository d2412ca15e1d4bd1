//! The answer to a request that did not succeed (RFC 9457).

use std::borrow::Cow;

use axum::http::{HeaderName, HeaderValue};
use serde::Serialize;
use utoipa::ToSchema;

use super::{report::Named, run_report::RunReport};
use crate::Kind;

/// What the problem is, in the same words each time.
pub(crate) fn title(code: &str, kind: Kind) -> &'static str {
    match code {
        "unauthenticated" => "Not signed in",
        "too_many_attempts" => "Too many tokens were tried",
        "run_elsewhere" => "Another process has this run",
        "insufficient_scope" => "The token may not do this",
        "cross_origin" => "The request comes from another site",
        "unknown_host" => "The server is not known by this name",
        "create_disabled" => "No files are written here",
        "not_found" => "Not found",
        "method_not_allowed" => "Not with this method",
        "not_json" => "The body is not JSON",
        "unsupported_media_type" => "The body is not declared as JSON",
        "too_large" => "The request is too large",
        "overloaded" | "timeout" => "The server is busy",
        "internal" => "A bug",
        _ => match kind {
            Kind::Failed => "A migration failed",
            Kind::Pending => "Migrations are pending",
            Kind::Usage => "The request makes no sense",
            Kind::NeedsOperator => "A person has to decide",
            Kind::Unavailable => "MongoDB is not available",
            Kind::BadBuild => "The build is unsound",
            Kind::Busy => "Somebody else is migrating",
            Kind::Forbidden => "Not allowed",
            Kind::Cancelled => "Cancelled",
        },
    }
}

/// Why a request, or a run, did not succeed (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(in crate::http) struct Details {
    /// `urn:mongrate:error:` and the code.
    #[serde(rename = "type")]
    pub(in crate::http) uri: String,
    /// What kind of problem it is, for people.
    pub(in crate::http) title: &'static str,
    /// The HTTP status.
    pub(in crate::http) status: u16,
    /// What happened, and what state the database is in.
    pub(in crate::http) detail: String,
    /// A stable, machine-readable name: that of the command line, where it has one.
    pub(in crate::http) code: Cow<'static, str>,
    /// What can be done about it.
    pub(in crate::http) kind: Kind,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) next: Option<String>,
    /// Who holds the lock that is in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) holder: Option<String>,
    /// The fence number of that lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) fence: Option<i64>,
    /// How long the lease of that lock still runs, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) remaining_ms: Option<u64>,
    /// Where the run is that is in the way, if it is one of this server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) run: Option<String>,
    /// The process that has the run, where it is not this one: its host and its process id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) process: Option<String>,
    /// The migrations that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(in crate::http) migrations: Vec<Named>,
    /// What was done before it stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) report: Option<RunReport>,
    #[serde(skip)]
    pub(in crate::http) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Details {
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }
}
