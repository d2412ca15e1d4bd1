//! [`CliError`]: the library's errors, and the few of the command line itself.

use std::fmt;

use mongrate_seal::create::CreateError;
use serde_json::{Value, json};

use crate::{
    Error, Kind, RunReport,
    model::{create_error, error::docs},
    mongo::code,
};

/// Why a verb failed.
#[derive(Debug)]
pub struct CliError(Inner);

#[derive(Debug)]
enum Inner {
    Library(Box<Error>),
    Own { kind: Kind, code: &'static str, message: String },
}

impl CliError {
    pub(super) fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self(Inner::Own { kind, code, message: message.into() })
    }

    pub(super) fn usage(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, code, message)
    }

    /// Cancelled before anything was run or written.
    pub(super) fn cancelled() -> Self {
        Self::new(Kind::Cancelled, "cancelled", "cancelled; nothing was written")
    }

    /// The error's class, which decides the exit code.
    pub fn kind(&self) -> Kind {
        match &self.0 {
            Inner::Library(error) => error.kind(),
            Inner::Own { kind, .. } => *kind,
        }
    }

    /// Whether the server did not accept user and password.
    fn is_sign_in(&self) -> bool {
        let Inner::Library(error) = &self.0 else { return false };
        let Error::Unauthorized { source, .. } = &**error else { return false };
        source.is_authentication() || source.code() == Some(code::AUTHENTICATION_FAILED)
    }

    /// A stable, machine-readable name.
    pub fn code(&self) -> &'static str {
        match &self.0 {
            Inner::Library(error) => error.code(),
            Inner::Own { code, .. } => code,
        }
    }

    /// Where the book explains the error: see [`Error::docs`].
    pub fn docs(&self) -> String {
        docs::anchor(self.code())
    }

    /// What the run did before it stopped; `None` if no run had begun.
    pub fn report(&self) -> Option<&RunReport> {
        match &self.0 {
            Inner::Library(error) => error.report(),
            Inner::Own { .. } => None,
        }
    }

    /// `{"error": {"code", "kind", "message", "docs", "next"?, "report"?}}`.
    pub(super) fn to_json(&self, next: Option<&str>) -> Value {
        let mut error = json!({
            "code": self.code(),
            "kind": self.kind(),
            "message": self.to_string(),
            "docs": self.docs(),
        });
        if let (Some(next), Some(fields)) = (next, error.as_object_mut()) {
            fields.insert("next".to_owned(), next.into());
        }
        if let (Some(report), Some(fields)) = (self.report(), error.as_object_mut()) {
            fields.insert("report".to_owned(), json!(report));
        }
        json!({ "error": error })
    }

    /// The next command to type, or what to check next; `None` where the message says it already.
    /// `app` is how users call the command line, `verb` the verb that failed.
    pub(super) fn next(&self, app: &str, verb: &str) -> Option<String> {
        Some(match self.code() {
            "migration_failed" if self.kind() == Kind::Forbidden => format!(
                "`{app} doctor` lists the rights that the user lacks; then run `{app} {verb}` again"
            ),
            "migration_failed" => {
                format!("fix it and run `{app} {verb}` again; `{app} status` shows where it stands")
            }
            "cancelled" if self.report().is_some() => format!("{app} {verb}"),
            // The message says when to run it again: when nothing else migrates.
            "lock_lost" if self.kind() == Kind::NeedsOperator => format!("{app} status"),
            "lock_lost" | "pending" => format!("{app} up"),
            "checksum_drift" => format!("{app} repair --dry-run"),
            "out_of_order" => format!("{app} plan --allow-out-of-order"),
            "squashed" => format!("{app} history"),
            "lock_held" | "fence_mismatch" => format!("{app} lock-status"),
            "paused" => format!("{app} resume"),
            "no_run" => format!("{app} status"),
            "not_atomic" | "lints" | "plan_differs" => format!("{app} plan"),
            "import" => format!("{app} import --help"),
            "renamed" => format!("{app} status"),
            "audit" => format!("{app} audit --verify"),
            "unknown_tag" | "tag_taken" | "tag_unreachable" => format!("{app} tag --list"),
            "unknown_version" | "wrong_state" | "not_independent" | "unknown_release"
            | "ambiguous_release" | "irreversible" | "not_linked"
            | "database_ahead" => format!("{app} status"),
            "server" => {
                "check that the server runs and that --uri or MONGODB_URI names it".to_owned()
            }
            "unauthorized" if self.is_sign_in() => {
                "check user and password in --uri or MONGODB_URI (percent-encoded, with `authSource`)"
                    .to_owned()
            }
            "unauthorized" if verb != "doctor" => format!("`{app} doctor` lists the rights that the user lacks"),
            "standalone" | "unsupported_server" if verb != "doctor" => format!("{app} doctor"),
            "settings" => format!("{app} {verb} --help"),
            _ => return None,
        })
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Library(error) => error.fmt(f),
            Inner::Own { message, .. } => message.fmt(f),
        }
    }
}

impl std::error::Error for CliError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Inner::Library(error) => error.source(),
            Inner::Own { .. } => None,
        }
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        Self(Inner::Library(Box::new(error)))
    }
}

impl From<CreateError> for CliError {
    fn from(error: CreateError) -> Self {
        let (kind, code) = create_error::classify(&error);
        Self::new(kind, code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_of_an_error_is_stable() {
        let error = CliError::usage("no_uri", "no server is named");
        assert_eq!(
            error.to_json(None),
            json!({ "error": { "code": "no_uri", "kind": "usage", "message": "no server is named", "docs": "errors.html#no_uri" } })
        );

        let report = RunReport {
            skipped: Vec::new(),
            stands: None,
            group: "default".to_owned(),
            database: "shop".to_owned(),
            batch: None,
            fence: Some(3),
            steps: Vec::new(),
            waited_ms: 0,
            ahead: Vec::new(),
            cancelled_by: None,
        };
        let error = CliError::from(Error::Cancelled { report: Box::new(report) });
        let next = error.next("clinic", "up");
        let value = error.to_json(next.as_deref());
        let object = value.get("error").unwrap();
        assert_eq!(object.get("code").unwrap(), "cancelled");
        assert_eq!(object.get("kind").unwrap(), "cancelled");
        assert_eq!(object.get("next").unwrap(), "clinic up");
        assert_eq!(object.pointer("/report/fence").unwrap(), 3);
        assert_eq!(object.pointer("/report/steps").unwrap(), &json!([]));
    }
}
