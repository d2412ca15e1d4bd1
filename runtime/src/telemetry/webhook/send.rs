//! One request, and what its answer means.

use std::{io::Read as _, time::Duration};

use chrono::{DateTime, Utc};
use ureq::{
    Agent,
    http::{HeaderValue, Response, header},
};

use super::secret::{Secret, signatures};
use crate::telemetry::{redact, visible};

/// How long a server may ask to wait: longer than any event is tried.
const AFTER_MAX: Duration = Duration::from_secs(600);

/// How much of an answer is read.
const ANSWER_BYTES_MAX: u64 = 2_000;

/// A request, which may be sent again.
pub(crate) struct Request<'a> {
    pub url: &'a str,
    pub secrets: &'a [Secret],
    pub authorization: Option<&'a HeaderValue>,
    pub timeout: Duration,
    pub id: String,
    pub body: Vec<u8>,
}

/// What came of sending it once.
pub(crate) enum Attempt {
    Delivered {
        status: u16,
        answer: String,
    },
    /// Sending it again would not help.
    Refused {
        status: u16,
        why: String,
        answer: String,
    },
    /// Sending it again may help.
    Later {
        status: Option<u16>,
        why: String,
        answer: String,
        /// How long the server asks to wait.
        after: Option<Duration>,
    },
}

/// A client that follows nothing, keeps nothing, and does not wait for ever.
pub(crate) fn agent(timeout: Duration) -> Agent {
    Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections(0)
        .user_agent(concat!("mongrate/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

pub(crate) fn attempt(agent: &Agent, request: &Request<'_>) -> Attempt {
    let now = Utc::now();
    let timestamp = now.timestamp();
    let mut post = agent
        .post(request.url)
        .header(header::CONTENT_TYPE, "application/json")
        .header("webhook-id", &request.id)
        .header("webhook-timestamp", timestamp.to_string());
    if !request.secrets.is_empty() {
        let signed = signatures(request.secrets, &request.id, timestamp, &request.body);
        post = post.header("webhook-signature", signed);
    }
    if let Some(authorization) = request.authorization {
        post = post.header(header::AUTHORIZATION, authorization.clone());
    }
    match post.send(&request.body[..]) {
        Ok(answer) => judge(answer, now),
        Err(error) => Attempt::Later {
            status: None,
            why: describe(&error, request.timeout),
            answer: String::new(),
            after: None,
        },
    }
}

fn judge(mut response: Response<ureq::Body>, now: DateTime<Utc>) -> Attempt {
    let status = response.status().as_u16();
    let after = response.headers().get(header::RETRY_AFTER).and_then(|after| wait(after, now));
    let mut read = Vec::new();
    // What cannot be read is not needed: the status has arrived.
    let _ = response.body_mut().as_reader().take(ANSWER_BYTES_MAX).read_to_end(&mut read);
    let answer = String::from_utf8_lossy(&read);
    let answer = visible::line(&redact::clean(answer.trim())).into_owned();
    match status {
        200..=299 => Attempt::Delivered { status, answer },
        408 | 429 | 500..=599 => {
            let why = format!("the answer has the status {status}");
            Attempt::Later { status: Some(status), why, answer, after }
        }
        300..=399 => {
            let why = format!(
                "the answer leads to another address (status {status}), and redirects are not \
                 followed: give the address that it leads to"
            );
            Attempt::Refused { status, why, answer }
        }
        401 | 403 => {
            let why = format!(
                "the answer has the status {status}: check the address and \
                 MONGRATE_WEBHOOK_AUTHORIZATION"
            );
            Attempt::Refused { status, why, answer }
        }
        _ => {
            let why = format!("the answer has the status {status}, which no retry changes");
            Attempt::Refused { status, why, answer }
        }
    }
}

/// The seconds or the date of a `Retry-After`.
fn wait(after: &HeaderValue, now: DateTime<Utc>) -> Option<Duration> {
    let text = after.to_str().ok()?.trim();
    let asked = if !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()) {
        // What is no number of 64 bits is long, too.
        text.parse().map_or(AFTER_MAX, Duration::from_secs)
    } else {
        let date = DateTime::parse_from_rfc2822(text).ok()?;
        date.to_utc().signed_duration_since(now).to_std().unwrap_or_default()
    };
    Some(asked.min(AFTER_MAX))
}

/// In words that hold neither the address nor a header.
fn describe(error: &ureq::Error, timeout: Duration) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("there was no answer within {timeout:?}"),
        ureq::Error::HostNotFound => "its host name is not known".to_owned(),
        ureq::Error::ConnectionFailed => "no connection could be made".to_owned(),
        ureq::Error::BadUri(_) => "its address is no URL".to_owned(),
        error => visible::line(&redact::clean(&error.to_string())).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_ask_for_seconds_or_name_a_date() {
        let now = DateTime::parse_from_rfc3339("2026-11-29T20:00:00Z").unwrap().to_utc();
        for (text, seconds) in [
            ("7", Some(7)),
            ("Sun, 29 Nov 2026 20:01:00 GMT", Some(60)),
            ("Sun, 29 Nov 2026 19:00:00 GMT", Some(0)),
            ("601", Some(600)),
            ("18446744073709551615", Some(600)),
            ("18446744073709551616", Some(600)),
            ("Sun, 29 Nov 2099 20:01:00 GMT", Some(600)),
            ("", None),
            ("soon", None),
            ("-1", None),
        ] {
            let asked = wait(&HeaderValue::from_static(text), now);
            assert_eq!(asked, seconds.map(Duration::from_secs), "{text}");
        }
    }
}
