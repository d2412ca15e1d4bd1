//! Makes findings.

use crate::{
    model::report::doctor::{
        DoctorCheck as Check, DoctorFinding as Finding, DoctorVerdict as Verdict,
    },
    mongo::{code, server_error::ServerError},
};

pub(super) fn finding(check: Check, verdict: Verdict, found: impl Into<String>) -> Finding {
    let found = found.into();
    Finding { check, verdict, found, of: None, consequence: None, way_out: None }
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

/// What could not be read, and why.
pub(super) fn unknown(check: Check, what: &str, error: &ServerError) -> Finding {
    let why = match error.code() {
        Some(code::UNAUTHORIZED) => "this user may not read it".to_owned(),
        Some(code::API_STRICT_ERROR) => {
            "the client's Stable API is strict, and does not have the command".to_owned()
        }
        _ => answer(error),
    };
    let found = finding(check, Verdict::Unknown, format!("{what} is not known: {why}"));
    match error.code() {
        Some(code::UNAUTHORIZED) => {
            found.way_out("ask again as a user that also has the role `clusterMonitor`")
        }
        _ => found,
    }
}
