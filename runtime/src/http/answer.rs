//! Bodies of answers. Every answer passes through this file, and so through the redactor.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;
use serde_json::Value;

use super::etag;
use crate::telemetry::{
    redact,
    visible::{self, Line},
};

pub(super) const JSON: &str = "application/json";

pub(super) const PROBLEM: &str = "application/problem+json";

/// An answer with a JSON body, without passwords.
pub(super) fn json(status: StatusCode, kind: &'static str, body: &impl Serialize) -> Response {
    let Some(text) = text(body) else { return failed() };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// An answer with a report as JSON, and its tag.
pub(super) fn ok(body: &impl Serialize) -> Response {
    let Some(value) = value(body) else { return failed() };
    tagged(&etag::of(&value), &value)
}

/// An answer with JSON that [`value`] made, and the tag that [`etag::of`] gave it.
pub(super) fn tagged(tag: &str, value: &Value) -> Response {
    written(tag, visible::json(value.to_string()))
}

/// An answer with what [`text`] made, and its tag.
pub(super) fn written(tag: &str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    if let Some(tag) = etag::header(tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// An answer that could not be written; the log says why.
pub(super) fn failed() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// The JSON of the body, as text. Characters that a terminal would obey are escaped.
pub(super) fn text(body: &impl Serialize) -> Option<String> {
    Some(visible::json(value(body)?.to_string()))
}

/// The JSON of the body, without passwords: text that looks like an address with a user in it is
/// masked even if an earlier layer let it through.
pub(super) fn value(body: &impl Serialize) -> Option<Value> {
    let mut value = serde_json::to_value(body)
        .inspect_err(|error| tracing::error!(target: "mongrate", error = %Line(&error), "an answer cannot be written as JSON"))
        .ok()?;
    redact::clean_json(&mut value);
    Some(value)
}
