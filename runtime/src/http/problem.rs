//! What an error is, as an answer: problem details (RFC 9457), with the codes of the command
//! line.
//!
//! Texts are an allow-list, too: what a server, a driver or a migration said is left out, as it
//! may hold addresses and documents. It is in the log of the process.

use std::{borrow::Cow, time::Duration};

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use mongrate_seal::create::CreateError;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    answer,
    wire::{Named, RunReport, Texts},
};
use crate::{Error, Kind, StepOutcome, creating};

/// Why a request, or a run, did not succeed (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(in crate::http) struct Details {
    /// `urn:mongrate:error:` and the code.
    #[serde(rename = "type")]
    uri: String,
    /// What kind of problem it is, for people.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened, and what state the database is in.
    detail: String,
    /// A stable, machine-readable name: that of the command line, where it has one.
    code: Cow<'static, str>,
    /// What can be done about it.
    kind: Kind,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Who holds the lock that is in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<String>,
    /// The fence number of that lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    fence: Option<i64>,
    /// How long the lease of that lock still runs, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining_ms: Option<u64>,
    /// Where the run is that is in the way, if it is one of this server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// The migrations that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    migrations: Vec<Named>,
    /// What was done before it stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<RunReport>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Details {
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn code(&self) -> &str {
        &self.code
    }
}

/// The same as an error, which is small.
#[derive(Clone, Debug)]
pub(in crate::http) struct Problem(pub(super) Box<Details>);

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        kind: Kind,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self(Box::new(Details {
            uri: format!("urn:mongrate:error:{code}"),
            title: title(code, kind),
            status: status.as_u16(),
            detail: detail.into(),
            code: Cow::Borrowed(code),
            kind,
            next: None,
            holder: None,
            fence: None,
            remaining_ms: None,
            run: None,
            migrations: Vec::new(),
            report: None,
            headers: Vec::new(),
        }))
    }

    /// The request cannot be understood.
    pub(super) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Kind::Usage, code, detail)
    }

    /// It can, and asks for what makes no sense: the command line's `usage`.
    pub(super) fn usage(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, Kind::Usage, "usage", detail)
    }

    /// Nobody is known to send this.
    pub(super) fn unauthenticated(detail: &str, challenge: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, Kind::Forbidden, "unauthenticated", detail)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    pub(super) fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, Kind::Forbidden, code, detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Kind::Usage, "not_found", detail)
    }

    /// Too much at once.
    pub(super) fn overloaded(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Kind::Busy, code, detail)
            .retry_after(Duration::from_secs(1))
    }

    /// A bug of ours.
    pub(super) fn internal() -> Self {
        let detail = "something went wrong that should not; the log of the process says what, and \
                      `status` what state the database is in";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Kind::BadBuild, "internal", detail)
    }

    /// A run of this server is in the way.
    pub(super) fn in_flight(holder: String, fence: Option<i64>, location: String) -> Self {
        let detail = format!(
            "a run is in flight here already: {holder}; wait for its end at {location}; nothing \
             was run"
        );
        let mut problem = Self::new(StatusCode::CONFLICT, Kind::Busy, "lock_held", detail);
        problem.0.holder = Some(holder);
        problem.0.fence = fence;
        problem.0.run = Some(location);
        problem
    }

    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    pub(super) fn next(mut self, next: impl Into<String>) -> Self {
        self.0.next = Some(next.into());
        self
    }

    fn retry_after(self, wait: Duration) -> Self {
        // Rounded up: asked again earlier, the answer would be the same.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What the library refused, or what stopped it.
    pub(super) fn of(error: Error, texts: Texts) -> Self {
        let (kind, code) = (error.kind(), error.code());
        if matches!(kind, Kind::Unavailable | Kind::Forbidden) || code == "corrupt" {
            tracing::warn!(target: "mongrate", %error, "a request was answered without this text");
        }
        let status = StatusCode::from_u16(kind.http_status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut problem = Self::new(status, kind, code, detail(&error, texts));
        problem.0.next = next(&error);
        match error {
            Error::LockHeld { holder, fence, remaining } => {
                problem.0.holder = Some(holder);
                problem.0.fence = Some(fence);
                problem.0.remaining_ms = u64::try_from(remaining.as_millis()).ok();
                problem = problem.retry_after(remaining);
            }
            Error::OutOfOrder { versions, .. }
            | Error::Ahead { versions }
            | Error::Irreversible { versions }
            | Error::NotLinked { versions }
            | Error::Apart { versions, .. }
            | Error::Pending { versions } => {
                problem.0.migrations = versions.into_iter().map(Named::from).collect();
            }
            Error::Drift(drifts) => {
                let named =
                    |drift: crate::Drift| Named { version: drift.version.get(), name: drift.name };
                problem.0.migrations = drifts.into_iter().map(named).collect();
            }
            Error::Renamed(renamed) => {
                let named =
                    |one: crate::Renamed| Named { version: one.version.get(), name: one.linked };
                problem.0.migrations = renamed.into_iter().map(named).collect();
            }
            Error::LockLost { report, .. }
            | Error::Failed { report, .. }
            | Error::Cancelled { report } => {
                problem.0.report = Some(RunReport::new(*report, texts));
            }
            Error::Server { .. } => problem = problem.retry_after(Duration::from_secs(5)),
            _ => {}
        }
        problem
    }
}

impl From<CreateError> for Problem {
    fn from(error: CreateError) -> Self {
        let (kind, code) = creating::classify(&error);
        let (status, detail) = match &error {
            // They say what was asked for, and file names; the others say paths of this machine.
            CreateError::Name { .. } => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
            CreateError::NameTaken { name, .. } => {
                (StatusCode::CONFLICT, format!("there is a migration called `{name}` already"))
            }
            CreateError::NoDirectory { .. } => (
                StatusCode::CONFLICT,
                "the directory that this server was started with is not there".to_owned(),
            ),
            _ => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the file could not be written; the log of the process says why".to_owned(),
            ),
        };
        if status.is_server_error() {
            tracing::error!(target: "mongrate", %error, "a migration file was not written");
        }
        Self::new(status, kind, code, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let headers = std::mem::take(&mut self.0.headers);
        let mut response = answer::json(self.status(), answer::PROBLEM, &self.0);
        for (name, value) in headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// The text of an error, as far as it is ours.
fn detail(error: &Error, texts: Texts) -> String {
    let code = |source: &crate::ServerError| match source.code() {
        Some(code) => format!(" (code {code})"),
        None => String::new(),
    };
    match error {
        Error::Server { action, source } => format!(
            "could not {action}: MongoDB is out of reach, or refused{}; the log of the process \
             says more",
            code(source)
        ),
        Error::Unauthorized { action, source } => format!(
            "the app's MongoDB user is not allowed to {action}{}; it needs `find`, `insert` and \
             `update` on the control collection, and what the migrations themselves do",
            code(source)
        ),
        Error::UnsupportedServer { .. } => "this MongoDB is not supported; migrations need \
                                            MongoDB 4.4 or newer; nothing was written"
            .to_owned(),
        Error::Corrupt { .. } => "a control document is not what mongrate writes; the log of the \
                                  process says which; has something else written into the \
                                  collection? Restore it from a backup"
            .to_owned(),
        Error::ShadowForbidden { .. } => {
            "the app's MongoDB user may not make a scratch database: a shadow run needs the roles \
             `readWriteAnyDatabase` and `dbAdminAnyDatabase` on `admin`; nothing was written"
                .to_owned()
        }
        Error::Failed { report, .. } if !texts.shown => {
            let failed: Vec<String> = report
                .steps
                .iter()
                .filter(|step| matches!(step.outcome, StepOutcome::Failed | StepOutcome::Unknown))
                .map(|step| format!("{} `{}`", step.version, step.name))
                .collect();
            format!(
                "failed: {}; {} done and recorded; the log of the process and the command line's \
                 `status` say why",
                failed.join(", "),
                report.done().count()
            )
        }
        // Of our own words, names and numbers.
        _ => error.to_string(),
    }
}

/// What to do about it over HTTP, where that is not what the text says.
fn next(error: &Error) -> Option<String> {
    Some(match error {
        Error::LockHeld { fence, .. } => format!(
            "wait and try again; if that process is known to be dead, POST {{\"fence\": {fence}}} \
             to lock/release"
        ),
        Error::Renamed(_) => {
            "give this app a control collection or a group of its own; a rename is recorded with the \
             command line's `repair`"
                .to_owned()
        }
        Error::LockLost { taken_by: Some(_), .. } => {
            "POST up goes on from here, when nothing else migrates".to_owned()
        }
        Error::FenceMismatch { .. } => "GET lock/status, and look again".to_owned(),
        Error::OutOfOrder { .. } => {
            "give them a newer version, or POST with \"allow_out_of_order\": true".to_owned()
        }
        Error::Ahead { .. } => {
            "deploy a build that has them, or POST with \"allow_ahead\": true".to_owned()
        }
        Error::Failed { .. } => "mend it, deploy, and POST up again".to_owned(),
        Error::Cancelled { .. } | Error::LockLost { .. } => "POST up goes on from here".to_owned(),
        Error::UnknownVersion { .. } | Error::Irreversible { .. } | Error::NotLinked { .. } => {
            "GET status lists them".to_owned()
        }
        _ => return None,
    })
}

/// What the problem is, in the same words each time.
fn title(code: &str, kind: Kind) -> &'static str {
    match code {
        "unauthenticated" => "Not signed in",
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
