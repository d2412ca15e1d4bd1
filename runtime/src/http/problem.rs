//! An error as an answer: problem details (RFC 9457), with the codes of the command line.
//!
//! Texts are an allow-list, too: the messages of servers, drivers and migrations are left out,
//! because they may hold addresses and documents. They are in the log of the process.

use std::{borrow::Cow, time::Duration};

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use mongrate_seal::create::CreateError;

use super::{
    answer,
    wire::{
        details::{Details, title},
        holder::LockHolder,
        report::Named,
        run_report::RunReport,
        texts::Texts,
    },
    words,
};
use crate::{
    Error, Kind, LockReport, Who,
    model::{create_error, error::docs},
    telemetry::visible::Line,
};

/// What a handler answers.
pub(in crate::http) type Answered = Result<Response, Problem>;

/// Problem details as an error value, boxed to keep it small.
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
            docs: docs::anchor(code),
            next: None,
            holder: None,
            fence: None,
            remaining_ms: None,
            run: None,
            process: None,
            migrations: Vec::new(),
            report: None,
            headers: Vec::new(),
        }))
    }

    /// 400: the request cannot be read.
    pub(super) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Kind::Usage, code, detail)
    }

    /// 422: the request can be read, but is not valid: the command line's `usage`.
    pub(super) fn usage(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, Kind::Usage, "usage", detail)
    }

    /// 401: the request has no known token, or no identity from the app.
    pub(super) fn unauthenticated(detail: &str, challenge: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, Kind::Forbidden, "unauthenticated", detail)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    /// 429: this peer has tried too many tokens. The token of this request was not checked.
    pub(super) fn slowed(wait: Duration) -> Self {
        let detail = "too many unknown tokens came from this address; the token of this request \
                      was not checked";
        Self::new(StatusCode::TOO_MANY_REQUESTS, Kind::Forbidden, "too_many_attempts", detail)
            .retry_after(wait)
    }

    pub(super) fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, Kind::Forbidden, code, detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Kind::Usage, "not_found", detail)
    }

    /// 503: a limit of this server is reached, or an answer took too long.
    pub(super) fn overloaded(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Kind::Busy, code, detail)
            .retry_after(Duration::from_secs(1))
    }

    /// 500: a bug in Mongrate.
    pub(super) fn internal() -> Self {
        let detail = "an internal error, which is a bug; the log of the process has its text, and \
                      GET status shows what state the database is in";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Kind::BadBuild, "internal", detail)
    }

    /// 409: another run of this server is in flight.
    pub(super) fn in_flight(
        holder: Who,
        fence: Option<i64>,
        remaining_ms: Option<u64>,
        location: String,
    ) -> Self {
        let detail = format!(
            "this server already has a run in flight ({holder}); wait for its end at {location}; \
             nothing was run"
        );
        let mut problem = Self::new(StatusCode::CONFLICT, Kind::Busy, "lock_held", detail);
        problem.0.holder = Some(LockHolder::new(holder, fence, remaining_ms));
        problem.0.fence = fence;
        problem.0.run = Some(location);
        problem
    }

    /// 404: another process has the run. `lock`: the lock, if that process is its holder.
    pub(super) fn elsewhere(process: String, lock: Option<&LockReport>) -> Self {
        let now = match lock {
            Some(lock) if lock.held => {
                format!(
                    "that process holds the lock (fence {}), so the run may still be in flight",
                    lock.fence
                )
            }
            Some(_) => {
                "that process did not release the lock, and its lease has run out".to_owned()
            }
            None => "that process does not hold the lock".to_owned(),
        };
        let detail = format!("this run belongs to {process}, not to this process; {now}");
        let mut problem = Self::new(StatusCode::NOT_FOUND, Kind::Usage, "run_elsewhere", detail);
        problem.0.process = Some(process);
        problem.0.fence = lock.map(|lock| lock.fence);
        problem.next(
            "send the request to that process; or GET runs, status and history, which every \
             process answers from the database",
        )
    }

    /// 409: the run that a request names is over, or has not begun yet.
    pub(super) fn over(fence: Option<i64>, lock: &LockReport) -> Self {
        let it = match fence {
            Some(fence) if fence <= lock.fence => format!("this run (fence {fence}) is over"),
            Some(fence) => format!("this run (fence {fence}) is not under way"),
            None => "this run does not have the lock".to_owned(),
        };
        let holder = lock.holder.as_ref().filter(|_| lock.is_live());
        let now = match holder {
            Some(holder) => format!("{holder} has the lock (fence {})", lock.fence),
            None => "no run is under way".to_owned(),
        };
        let detail = format!("{it}: {now}; nothing was changed");
        let mut problem = Self::new(StatusCode::CONFLICT, Kind::NeedsOperator, "no_run", detail);
        problem.0.fence = fence;
        problem.0.holder = holder.map(|holder| LockHolder::of(holder.clone(), lock));
        problem.next(match holder {
            Some(_) => "GET runs/current shows the run under way, with its id",
            None => "GET status shows what is pending, and POST up begins a run",
        })
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
        // Rounded up: an earlier retry would get the same answer.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The problem details of an error of the library.
    pub(super) fn of(error: Error, texts: Texts) -> Self {
        let (kind, code) = (error.kind(), error.code());
        if matches!(kind, Kind::Unavailable | Kind::Forbidden) || code == "corrupt" {
            tracing::warn!(target: "mongrate", error = %Line(&error), "a request failed; its answer leaves this text out");
        }
        let status = StatusCode::from_u16(kind.http_status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut problem = Self::new(status, kind, code, words::detail(&error, texts));
        problem.0.next = words::next(&error);
        match error {
            Error::LockHeld { holder, fence, remaining } => {
                let remaining_ms = u64::try_from(remaining.as_millis()).ok();
                // Without a number, the lock was deleted: nobody holds it.
                let fence = Some(fence).filter(|fence| *fence > 0);
                problem.0.holder = fence.map(|_| LockHolder::new(holder, fence, remaining_ms));
                problem.0.fence = fence;
                problem.0.remaining_ms = remaining_ms;
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
            Error::ComesAfter { orders, .. } => {
                let later = orders.into_iter().map(|order| Named::from(order.migration));
                problem.0.migrations = later.collect();
            }
            Error::NotIndependent { later, .. } => {
                let named =
                    |one: crate::Dependent| Named { version: one.version.get(), name: one.name };
                problem.0.migrations = later.into_iter().map(named).collect();
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
        let (kind, code) = create_error::classify(&error);
        let (status, detail) = match &error {
            // These texts hold the request's words and file names; the other errors name paths of
            // this machine.
            CreateError::Name { .. } => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
            CreateError::NameTaken { name, .. } => {
                (StatusCode::CONFLICT, format!("a migration with the name `{name}` exists already"))
            }
            CreateError::NoDirectory { .. } => (
                StatusCode::CONFLICT,
                "the directory that this server was started with does not exist".to_owned(),
            ),
            _ => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the file could not be written; the log of the process says why".to_owned(),
            ),
        };
        if status.is_server_error() {
            tracing::error!(target: "mongrate", error = %Line(&error), "a migration file was not written");
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
