//! Everything is printed here: results to stdout, everything else to stderr, without secrets.

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
        style::{ERROR, WARNING, paint},
        view::View,
    },
};
use crate::{
    Kind, Lint,
    migrator::listen::LastWait,
    telemetry::{redact, visible},
};

/// The error of the last failed write to stdout. There is one stdout.
static UNWRITTEN: Mutex<Option<String>> = Mutex::new(None);

/// Whether the reader of stdout has gone.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether the cursor stands after a question.
static ASKING: AtomicBool = AtomicBool::new(false);

/// How and where to print. Texts carry their styles; styles that the stream cannot show are
/// removed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Out {
    pub(super) json: bool,
    /// Whether each line on stderr is a JSON object, as log lines are.
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

    /// The width of the terminal; `None` if stdout is not a terminal.
    pub(super) fn width(self) -> Option<u16> {
        comfy_table::Table::new().width()
    }

    /// Whether questions can be asked and answered.
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

    /// Prints text to stdout, ending in a newline.
    pub(super) fn print(self, text: &str) {
        let written =
            line::suspend(|| write(AutoStream::new(io::stdout(), self.choice), text, true));
        let Err(error) = written else { return };
        if error.kind() == io::ErrorKind::BrokenPipe {
            // A closed pipe (`| head`) is no failure: the work counts, not its output.
            CLOSED.store(true, Ordering::Relaxed);
        } else {
            *UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        }
    }

    /// The process's exit code: `code`, or 1 instead of 0 if stdout did not take all output.
    pub(super) fn exit(self, code: ExitCode) -> ExitCode {
        let unwritten = UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(error) = unwritten else { return code };
        self.note(&format!(
            "{}: could not write to stdout: {error}; the command did its work, only its \
             output is missing",
            paint(ERROR, "error")
        ));
        if code == ExitCode::SUCCESS { ExitCode::from(Kind::Failed.exit_code()) } else { code }
    }

    /// Prints lints before a run.
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

    /// Prints an error and the next step.
    pub(super) fn failure(self, error: &CliError, next: Option<&str>) {
        let message = error.to_string();
        if !self.json_log {
            let view = View { width: self.width(), now: Utc::now() };
            return self.note(&notes::failure(&message, next, &error.docs(), view));
        }
        let mut line = json!({
            "level": "ERROR",
            "message": message,
            "code": error.code(),
            "kind": error.kind(),
            "docs": error.docs(),
        });
        if let (Some(next), Some(fields)) = (next, line.as_object_mut()) {
            fields.insert("next".to_owned(), next.into());
        }
        self.log(line);
    }

    /// Prints a JSON log line of the command line itself.
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

    /// Prints text to stderr on a line of its own, ending in a newline.
    pub(super) fn note(self, text: &str) {
        if self.json_log {
            let text = anstream::adapter::strip_str(text).to_string();
            return self.log(json!({ "level": "INFO", "message": text.trim_end() }));
        }
        if ASKING.swap(false, Ordering::Relaxed) {
            let _ = write(AutoStream::new(io::stderr(), self.choice), "", true);
        }
        // If stderr is closed, there is nowhere left to report it.
        let _ = line::suspend(|| write(AutoStream::new(io::stderr(), self.choice), text, true));
    }

    /// Waits for listeners, and says what they do not have.
    pub(super) async fn wait(self, last: &LastWait) {
        if !last.is_needed() {
            return;
        }
        let line = line::Progress::start("sending the last events");
        let late = last.wait().await;
        drop(line);
        for text in late {
            self.note(&format!("{}: {text}", paint(WARNING, "warning")));
        }
    }

    /// Prints a question to stderr, without a newline.
    pub(super) fn ask(self, text: &str) {
        ASKING.store(true, Ordering::Relaxed);
        let _ = line::suspend(|| write(AutoStream::new(io::stderr(), self.choice), text, false));
    }

    /// Records that the question was answered: the answer's newline is on the terminal.
    pub(super) fn answered(self) {
        ASKING.store(false, Ordering::Relaxed);
    }

    /// Whether the reader of stdout has gone.
    pub(super) fn is_closed(self) -> bool {
        CLOSED.load(Ordering::Relaxed)
    }

    /// Prints a JSON document to stdout, on one line.
    pub(super) fn line(self, mut value: Value) {
        redact::clean_json(&mut value);
        self.print(&visible::json(value.to_string()));
    }

    /// Prints a JSON document to stdout: on one line, or indented if stdout is a terminal.
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
