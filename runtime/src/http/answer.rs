//! Bodies of answers. Every answer passes through this file, and so through the redactor.

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

/// An answer with a JSON body, without passwords.
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

/// An answer with a report as JSON.
pub(super) fn ok(body: &impl Serialize) -> Response {
    json(StatusCode::OK, JSON, body)
}

/// The JSON of the body, without passwords: text that looks like an address with a user in it is
/// masked even if an earlier layer let it through. Characters that a terminal would obey are
/// escaped.
pub(super) fn text(body: &impl Serialize) -> Option<String> {
    let mut value = serde_json::to_value(body)
        .inspect_err(|error| tracing::error!(target: "mongrate", error = %Line(&error), "an answer cannot be written as JSON"))
        .ok()?;
    redact::clean_json(&mut value);
    Some(visible::json(value.to_string()))
}
