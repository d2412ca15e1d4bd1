//! The one place that prints: results to stdout, all else to stderr, without secrets.

use std::{
    io::{self, IsTerminal as _, Write},
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use anstream::{AutoStream, ColorChoice};
use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};

use super::{
    args::{CliArgs, Color},
    error::CliError,
    line, log_filter,
    render::{
        lints, notes,
        style::{ERROR, paint},
        view::View,
    },
};
use crate::{
    Kind, Lint,
    telemetry::{redact, visible},
};

/// Why stdout did not take what was written to it, if it did not. There is one stdout.
static UNWRITTEN: Mutex<Option<String>> = Mutex::new(None);

/// Whether the cursor stands behind a question.
static ASKING: AtomicBool = AtomicBool::new(false);

/// How and where to print. Texts carry their styles; what the stream cannot show is cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Out {
    pub(super) json: bool,
    /// What goes to stderr is a JSON object a line, as log lines are.
    json_log: bool,
    choice: ColorChoice,
}

impl Out {
    pub(super) fn new(args: &CliArgs) -> Self {
        Self { json_log: log_filter::is_json(args), ..Self::with(args.json, args.color) }
    }

    pub(super) fn with(json: bool, color: Color) -> Self {
        let choice = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self { json, json_log: false, choice }
    }

    /// The width of the terminal that stdout is; none if it is not one.
    pub(super) fn width(self) -> Option<u16> {
        comfy_table::Table::new().width()
    }

    /// Whether there is somebody to ask.
    pub(super) fn is_interactive(self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether styles are shown on stderr.
    pub(super) fn colors_stderr(self) -> bool {
        match self.choice {
            ColorChoice::Auto => !matches!(AutoStream::choice(&io::stderr()), ColorChoice::Never),
            choice => choice != ColorChoice::Never,
        }
    }

    /// Text to stdout, ending in a newline.
    pub(super) fn print(self, text: &str) {
        let written =
            line::suspend(|| write(AutoStream::new(io::stdout(), self.choice), text, true));
        if let Err(error) = written
            // A reader that has gone away (`| head`) is nobody's concern: the work counts, not
            // its echo.
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            *UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        }
    }

    /// The exit code of a process that would end with `code`: another one if stdout did not take
    /// all that was to be said. What failed has its own code already.
    pub(super) fn exit(self, code: ExitCode) -> ExitCode {
        let unwritten = UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(error) = unwritten else { return code };
        self.note(&format!(
            "{}: could not write to stdout: {error}; what the command had to do is done, only its \
             output is missing",
            paint(ERROR, "error")
        ));
        if code == ExitCode::SUCCESS { ExitCode::from(Kind::Failed.exit_code()) } else { code }
    }

    /// Lints, before a run.
    pub(super) fn lints(self, all: &[Lint], view: View, app: &str) {
        if !self.json_log {
            if !all.is_empty() {
                self.note(&lints::brief(all, view, app));
            }
            return;
        }
        for lint in lints::by_kind(all).into_iter().flat_map(|(_, lints)| lints) {
            self.log(json!({
                "level": "WARN",
                "message": lint.message,
                "lint": lint.name,
                "version": lint.version.to_string(),
                "name": lint.migration,
            }));
        }
    }

    /// What went wrong, and what to do next.
    pub(super) fn failure(self, error: &CliError, next: Option<&str>) {
        let message = error.to_string();
        if !self.json_log {
            return self.note(&notes::failure(&message, next));
        }
        let mut line = json!({
            "level": "ERROR",
            "message": message,
            "code": error.code(),
            "kind": error.kind(),
        });
        if let (Some(next), Some(fields)) = (next, line.as_object_mut()) {
            fields.insert("next".to_owned(), next.into());
        }
        self.log(line);
    }

    /// A line of the log that the command line has to say itself.
    fn log(self, mut line: Value) {
        if let Some(fields) = line.as_object_mut() {
            let now = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
            fields.insert("timestamp".to_owned(), now.into());
            fields.insert("target".to_owned(), "mongrate::cli".into());
        }
        redact::clean_json(&mut line);
        let text = line.to_string();
        let _ = line::suspend(|| write(io::stderr(), &text, true));
    }

    /// Text to stderr, ending in a newline; on a line of its own.
    pub(super) fn note(self, text: &str) {
        if self.json_log {
            let text = anstream::adapter::strip_str(text).to_string();
            return self.log(json!({ "level": "INFO", "message": text.trim_end() }));
        }
        if ASKING.swap(false, Ordering::Relaxed) {
            let _ = write(AutoStream::new(io::stderr(), self.choice), "", true);
        }
        // There is nowhere left to say that stderr is gone.
        let _ = line::suspend(|| write(AutoStream::new(io::stderr(), self.choice), text, true));
    }

    /// A question to stderr, without a newline.
    pub(super) fn ask(self, text: &str) {
        ASKING.store(true, Ordering::Relaxed);
        let _ = line::suspend(|| write(AutoStream::new(io::stderr(), self.choice), text, false));
    }

    /// The question was answered: the answer's newline is on the terminal.
    pub(super) fn answered(self) {
        ASKING.store(false, Ordering::Relaxed);
    }

    /// A JSON document to stdout: on one line, or at a terminal indented.
    pub(super) fn document(self, mut value: Value) {
        redact::clean_json(&mut value);
        let text =
            if io::stdout().is_terminal() { format!("{value:#}") } else { value.to_string() };
        self.print(&visible::json(text));
    }
}

fn write(mut stream: impl Write, text: &str, newline: bool) -> io::Result<()> {
    let text = redact::clean(text);
    let end = if newline && !text.ends_with('\n') { "\n" } else { "" };
    write!(stream, "{text}{end}").and_then(|()| stream.flush())
}
