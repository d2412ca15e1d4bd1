//! Makes findings.

use crate::{
    model::{
        error::kind::Kind,
        report::doctor::{
            DoctorCheck as Check, DoctorFinding as Finding, DoctorVerdict as Verdict,
        },
    },
    mongo::{code, server_error::ServerError},
};

pub(super) fn finding(check: Check, verdict: Verdict, found: impl Into<String>) -> Finding {
    let found = found.into();
    Finding { check, verdict, found, of: None, refused: None, consequence: None, way_out: None }
}

/// An error: a run ends with one of this class.
pub(super) fn error(check: Check, kind: Kind, found: impl Into<String>) -> Finding {
    Finding { refused: Some(kind), ..finding(check, Verdict::Error, found) }
}

impl Finding {
    pub(super) fn of(self, of: impl Into<String>) -> Self {
        Self { of: Some(of.into()), ..self }
    }

    pub(super) fn means(self, consequence: impl Into<String>) -> Self {
        Self { consequence: Some(consequence.into()), ..self }
    }

    pub(super) fn way_out(self, way_out: impl Into<String>) -> Self {
        Self { way_out: Some(way_out.into()), ..self }
    }
}

/// A refusal, in Mongrate's own words: reports are shown over HTTP, too, and a server's text may name
/// hosts.
pub(super) fn answer(error: &ServerError) -> String {
    error.code().map_or_else(
        || "the server did not answer".to_owned(),
        |code| format!("the server answers with code {code}"),
    )
}

/// What could not be read, and why. `right`: what the user needs to read it.
pub(super) fn unknown(check: Check, what: &str, error: &ServerError, right: &str) -> Finding {
    let why = match error.code() {
        Some(code::UNAUTHORIZED) => "this user may not read it".to_owned(),
        Some(code::API_STRICT_ERROR) => {
            "the client's Stable API is strict, and does not have the command".to_owned()
        }
        _ => answer(error),
    };
    let found = finding(check, Verdict::Unknown, format!("{what} is not known: {why}"));
    match error.code() {
        Some(code::UNAUTHORIZED) => found.way_out(format!("ask again as a user that has {right}")),
        _ => found,
    }
}

/// The role that lets a user read what the server says of itself.
pub(super) const MONITOR: &str = "the role `clusterMonitor`, too";
