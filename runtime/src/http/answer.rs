//! Bodies of answers. Everything that is said passes through here, and so past the redactor.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;

use crate::telemetry::{
    redact,
    visible::{self, Line},
};

pub(super) const JSON: &str = "application/json";

pub(super) const PROBLEM: &str = "application/problem+json";

/// A JSON body, without passwords.
pub(super) fn json(status: StatusCode, kind: &'static str, body: &impl Serialize) -> Response {
    let Some(text) = text(body) else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return response;
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A report, as JSON.
pub(super) fn ok(body: &impl Serialize) -> Response {
    json(StatusCode::OK, JSON, body)
}

/// The JSON of it, without passwords: what looks like an address with a user in it is masked
/// even here, whoever let it in. Characters that a terminal would obey are escaped.
pub(super) fn text(body: &impl Serialize) -> Option<String> {
    let mut value = serde_json::to_value(body)
        .inspect_err(|error| tracing::error!(target: "mongrate", error = %Line(&error), "an answer is no JSON"))
        .ok()?;
    redact::clean_json(&mut value);
    Some(visible::json(value.to_string()))
}
