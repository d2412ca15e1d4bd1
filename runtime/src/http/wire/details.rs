//! The answer to a request that did not succeed (RFC 9457).

use std::borrow::Cow;

use axum::http::{HeaderName, HeaderValue};
use serde::Serialize;
use utoipa::ToSchema;

use super::{holder::LockHolder, report::Named, run_report::RunReport};
use crate::Kind;

/// The title of a problem, which is the same for each code or kind.
pub(crate) fn title(code: &str, kind: Kind) -> &'static str {
    match code {
        "unauthenticated" => "Not signed in",
        "too_many_attempts" => "Too many unknown tokens",
        "run_elsewhere" => "Another process has this run",
        "insufficient_scope" => "The token may not do this",
        "cross_origin" => "The request comes from another site",
        "unknown_host" => "The server does not have this host name",
        "create_disabled" => "This server writes no files",
        "paused" => "The history is paused",
        "no_run" => "No run is under way",
        "policy" => "Refused by policy",
        "plan_differs" => "The plan is not what would run",
        "not_found" => "Not found",
        "method_not_allowed" => "The method is not allowed",
        "not_json" => "The body is not JSON",
        "unsupported_media_type" => "The body is not declared as JSON",
        "too_large" => "The request is too large",
        "overloaded" | "timeout" => "The server is busy",
        "internal" => "A bug",
        _ => match kind {
            Kind::Failed => "A migration failed",
            Kind::Pending => "Migrations are pending",
            Kind::Usage => "The request is not valid",
            Kind::NeedsOperator => "A decision is needed",
            Kind::Unavailable => "MongoDB is not available",
            Kind::BadBuild => "The build has a fault",
            Kind::Busy => "Another process is migrating",
            Kind::Forbidden => "Not allowed",
            Kind::Cancelled => "Cancelled",
        },
    }
}

/// Why a request, or a run, did not succeed (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(in crate::http) struct Details {
    /// The URI of the problem: `urn:mongrate:error:` and the code.
    #[serde(rename = "type")]
    pub(in crate::http) uri: String,
    /// The kind of problem, for people.
    pub(in crate::http) title: &'static str,
    /// The HTTP status.
    pub(in crate::http) status: u16,
    /// What happened, and what state the database is in.
    pub(in crate::http) detail: String,
    /// A stable, machine-readable name; the same as in the command line's JSON, where both have it.
    pub(in crate::http) code: Cow<'static, str>,
    /// The kind of problem, which says what can be done about it.
    pub(in crate::http) kind: Kind,
    /// Where the book of Mongrate explains the code, relative to the book's front page.
    pub(in crate::http) docs: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) next: Option<String>,
    /// The holder of the lock that is in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) holder: Option<LockHolder>,
    /// The fence number of that lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) fence: Option<i64>,
    /// How long the lease of that lock still runs, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) remaining_ms: Option<u64>,
    /// The address of the run that is in the way, if the run belongs to this server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) run: Option<String>,
    /// The other process that has the run: its host and its process id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) process: Option<String>,
    /// The migrations that the problem is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(in crate::http) migrations: Vec<Named>,
    /// The report of the run, up to where it stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) report: Option<RunReport>,
    #[serde(skip)]
    pub(in crate::http) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Details {
    /// The same without the list of migrations of a run.
    pub(in crate::http) fn without_report(&self) -> Self {
        let Self { uri, title, status, detail, code, kind, next, holder, .. } = self;
        Self {
            uri: uri.clone(),
            title,
            status: *status,
            detail: detail.clone(),
            code: code.clone(),
            kind: *kind,
            docs: self.docs.clone(),
            next: next.clone(),
            holder: holder.clone(),
            fence: self.fence,
            remaining_ms: self.remaining_ms,
            run: self.run.clone(),
            process: self.process.clone(),
            migrations: self.migrations.clone(),
            report: None,
            headers: Vec::new(),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }
}
