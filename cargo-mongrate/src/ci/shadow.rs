//! Asks the app: its shadow run, its plan, the schema that its migrations lead to.

use std::{env, ffi::OsString};

use serde::Deserialize;
use serde_json::Value;

use super::{options::When, report::AppReport};
use crate::{
    app,
    arguments::Call,
    build::Build,
    finding::{Finding, rules},
    package::{Selection, Workspace},
};

/// The app, and how it is built and called.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) selection: &'a Selection<'a>,
    pub(super) build: &'a Build,
    pub(super) rest: &'a [OsString],
}

/// What the app said.
pub(super) enum Answer {
    Report(Box<AppReport>),
    /// There is no server.
    Skipped(String),
    Failed(Finding),
}

/// The app's error, as its `--json` prints it.
#[derive(Debug, Deserialize)]
struct AppError {
    code: String,
    message: String,
    next: Option<String>,
}

impl<'a> Asked<'a> {
    /// Why the app is not asked; `None` if it is.
    pub(super) fn refusal(&self, when: When) -> Option<String> {
        let is_named = env::var_os("MONGODB_URI").is_some_and(|uri| !uri.is_empty())
            || self.rest.iter().any(|it| it.to_string_lossy().starts_with("--uri"));
        match when {
            When::Never => Some("`never`".to_owned()),
            When::Always => None,
            When::Auto => match app::package(self.workspace, self.selection) {
                Err(why) => Some(why),
                Ok(_) if is_named => None,
                Ok(package) if self.workspace.has_embedded(package) => None,
                Ok(_) => Some(
                    "there is no server: set MONGODB_URI, or give the app the embedded server (feature \
                     `embedded`)"
                        .to_owned(),
                ),
            },
        }
    }

    /// Runs what is pending in a scratch database.
    pub(super) fn shadow(&self, sample: Option<u32>) -> Answer {
        let mut arguments: Vec<OsString> = vec!["--shadow".into(), "--json".into()];
        if let Some(sample) = sample {
            arguments.extend(["--sample".into(), sample.to_string().into()]);
        }
        self.report("up", arguments)
    }

    /// The plan, with its lints.
    pub(super) fn plan(&self) -> Answer {
        self.report("plan", vec!["--json".into()])
    }

    /// The schema that the migrations up to a version lead to in an empty database.
    pub(super) fn schema_at(&self, version: i64) -> Result<String, Box<Finding>> {
        let arguments = vec!["--at".into(), version.to_string().into(), "--json".into()];
        let printed = self.printed("schema", arguments)?;
        match printed.get("schema").and_then(Value::as_str) {
            Some(schema) => Ok(schema.to_owned()),
            None => Err(Box::new(failed("schema", &printed))),
        }
    }

    fn report(&self, verb: &'static str, arguments: Vec<OsString>) -> Answer {
        let printed = match self.printed(verb, arguments) {
            Ok(printed) => printed,
            Err(finding) => return Answer::Failed(*finding),
        };
        if printed.pointer("/error/code").is_some_and(|code| code == "no_uri") {
            return Answer::Skipped("the app found no server: set MONGODB_URI".to_owned());
        }
        match AppReport::deserialize(&printed) {
            Ok(report) => Answer::Report(Box::new(report)),
            Err(_) => Answer::Failed(failed(verb, &printed)),
        }
    }

    /// Runs a verb, and reads the JSON that it prints.
    fn printed(
        &self,
        verb: &'static str,
        mut arguments: Vec<OsString>,
    ) -> Result<Value, Box<Finding>> {
        arguments.extend(self.rest.iter().cloned());
        let call = Call { verb, build: self.build, arguments: &arguments };
        let error = |text| Finding::error(&rules::APP_FAILED, text);
        let text = app::printed(self.workspace, self.selection, &call)
            .map_err(|text| Box::new(error(text)))?;
        serde_json::from_str(&text).map_err(|_| {
            let text = format!(
                "the app could not be built, or its `{verb}` printed no report: what cargo and the app say \
                 is on stderr"
            );
            Box::new(error(text).next(format!("run `cargo mongrate {verb}` by hand")))
        })
    }
}

/// What the app refused, or printed in place of its report.
fn failed(verb: &str, printed: &Value) -> Finding {
    let error = printed.get("error").and_then(|error| AppError::deserialize(error).ok());
    match error {
        Some(AppError { code, message, next }) => {
            let text = format!("the app's `{verb}` ended with `{code}`: {message}");
            let finding = Finding::error(&rules::APP_FAILED, text);
            match next {
                Some(next) => finding.next(next),
                None => finding,
            }
        }
        None => Finding::error(
            &rules::APP_FAILED,
            format!(
                "the app's `{verb}` printed another report than this cargo-mongrate understands: update \
                 both to the same version"
            ),
        ),
    }
}
