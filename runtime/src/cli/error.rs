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
pub struct CliError {
    inner: Inner,
    /// The message, where it is not that of the error.
    shown: Option<String>,
}

#[derive(Debug)]
enum Inner {
    Library(Box<Error>),
    Own { kind: Kind, code: &'static str, message: String },
}

impl CliError {
    pub(super) fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self { inner: Inner::Own { kind, code, message: message.into() }, shown: None }
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
        match &self.inner {
            Inner::Library(error) => error.kind(),
            Inner::Own { kind, .. } => *kind,
        }
    }

    /// Whether what is late was rolled back while newer ones stayed.
    fn is_rolled_back(&self) -> bool {
        let Inner::Library(error) = &self.inner else { return false };
        matches!(&**error, Error::OutOfOrder { rolled_back, .. } if !rolled_back.is_empty())
    }

    /// The message of a verb that never runs anything: it need not say that nothing was run.
    pub(super) fn of_reading(self) -> Self {
        let text = self.to_string();
        match text.strip_suffix("; nothing was run") {
            Some(short) => Self { shown: Some(short.to_owned()), ..self },
            None => self,
        }
    }

    /// Whether the server did not accept user and password.
    fn is_sign_in(&self) -> bool {
        let Inner::Library(error) = &self.inner else { return false };
        let Error::Unauthorized { source, .. } = &**error else { return false };
        source.is_authentication() || source.code() == Some(code::AUTHENTICATION_FAILED)
    }

    /// A stable, machine-readable name.
    pub fn code(&self) -> &'static str {
        match &self.inner {
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
        match &self.inner {
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
    /// `app` is how users call the command line, `verb` the verb that failed, `with` the options that belong
    /// to every command, with a blank before them.
    pub(super) fn next(&self, app: &str, verb: &str, with: &str) -> Option<String> {
        Some(match self.code() {
            "migration_failed" if self.kind() == Kind::Forbidden => format!(
                "`{app} doctor{with}` lists the rights that the user lacks; then run `{app} {verb}{with}` again"
            ),
            // The message says what to do then.
            "migration_failed" => format!("{app} status{with}"),
            "cancelled" if self.report().is_some() => format!("{app} {verb}{with}"),
            // The message says when to run it again: when nothing else migrates.
            "lock_lost" if self.kind() == Kind::NeedsOperator => format!("{app} status{with}"),
            "lock_lost" | "pending" => format!("{app} up{with}"),
            "checksum_drift" => format!("{app} repair{with} --dry-run"),
            // To apply it again is what whoever rolled it back does not want.
            "out_of_order" if self.is_rolled_back() => format!("{app} status{with}"),
            "out_of_order" => format!("{app} plan{with} --allow-out-of-order"),
            "squashed" => format!("{app} history{with}"),
            "lock_held" | "fence_mismatch" => format!("{app} lock-status{with}"),
            "paused" => format!("{app} resume{with}"),
            "no_run" => format!("{app} status{with}"),
            "not_atomic" | "lints" | "plan_differs" => format!("{app} plan{with}"),
            "import" => format!("{app} import --help"),
            "renamed" => format!("{app} status{with}"),
            "audit" => format!("{app} audit{with} --verify"),
            "unknown_tag" | "tag_taken" | "tag_unreachable" => format!("{app} tag{with} --list"),
            "unknown_version" | "wrong_state" | "not_independent" | "unknown_release"
            | "ambiguous_release" | "irreversible" | "not_linked"
            | "database_ahead" => format!("{app} status{with}"),
            "server" => {
                "check that the server runs and that --uri or MONGODB_URI names it".to_owned()
            }
            "unauthorized" if self.is_sign_in() => {
                "check user and password in --uri or MONGODB_URI (percent-encoded, with `authSource`)"
                    .to_owned()
            }
            "unauthorized" if verb != "doctor" => format!("`{app} doctor{with}` lists the rights that the user lacks"),
            "standalone" | "unsupported_server" if verb != "doctor" => format!("{app} doctor{with}"),
            "settings" => format!("{app} {verb} --help"),
            _ => return None,
        })
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(shown) = &self.shown {
            return shown.fmt(f);
        }
        match &self.inner {
            Inner::Library(error) => error.fmt(f),
            Inner::Own { message, .. } => message.fmt(f),
        }
    }
}

impl std::error::Error for CliError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.inner {
            Inner::Library(error) => error.source(),
            Inner::Own { .. } => None,
        }
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        Self { inner: Inner::Library(Box::new(error)), shown: None }
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
        let next = error.next("clinic", "up", "");
        let value = error.to_json(next.as_deref());
        let object = value.get("error").unwrap();
        assert_eq!(object.get("code").unwrap(), "cancelled");
        assert_eq!(object.get("kind").unwrap(), "cancelled");
        assert_eq!(object.get("next").unwrap(), "clinic up");
        assert_eq!(object.pointer("/report/fence").unwrap(), 3);
        assert_eq!(object.pointer("/report/steps").unwrap(), &json!([]));
    }
}
