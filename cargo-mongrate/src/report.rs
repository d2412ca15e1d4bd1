//! The report of a verb: its lines, warnings and errors, and the exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use serde_json::{Map, Value};

/// The exit code for wrong arguments, the same as in the app's own command line.
pub(crate) const USAGE: u8 = 64;

/// What a verb did, and what you have to fix yourself.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) lines: Vec<String>,
    /// What you should know, though nothing is wrong.
    pub(crate) warnings: Vec<String>,
    pub(crate) problems: Vec<String>,
    /// What the verb found, in the form for programs.
    pub(crate) json: Vec<(&'static str, Value)>,
}

impl From<Vec<String>> for Report {
    fn from(lines: Vec<String>) -> Self {
        Self { lines, ..Self::default() }
    }
}

/// Prints the report, and returns the exit code.
pub(crate) fn finish(outcome: Result<Report, Vec<String>>) -> ExitCode {
    let Report { lines, warnings, problems, json: _ } =
        outcome.unwrap_or_else(|problems| Report { problems, ..Report::default() });
    let printed = print_lines(&lines);
    print_to_stderr("warning: ", &warnings);
    print_to_stderr("error: ", &problems);
    if let Err(error) = &printed {
        print_to_stderr(
            "error: ",
            &[format!("cannot write to stdout: {error}; the command did its work all the same")],
        );
    }
    if problems.is_empty() && printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the report as one JSON document, errors among it, and returns the exit code.
pub(crate) fn finish_json(outcome: Result<Report, Vec<String>>) -> ExitCode {
    let Report { lines, warnings, problems, json } =
        outcome.unwrap_or_else(|problems| Report { problems, ..Report::default() });
    let mut document = Map::new();
    document.insert("ok".to_owned(), problems.is_empty().into());
    document.insert("problems".to_owned(), problems.clone().into());
    document.insert("warnings".to_owned(), warnings.into());
    document.insert("lines".to_owned(), lines.into());
    document.extend(json.into_iter().map(|(key, value)| (key.to_owned(), value)));
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    finish(Ok(Report { lines: vec![text], ..Report::default() }));
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints to stdout. A reader that closed the pipe (`| head -1`) is no failure: the work is done.
fn print_lines(lines: &[String]) -> io::Result<()> {
    match write_lines(io::stdout().lock(), "", lines) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Prints to stderr, each line after `prefix`. If that fails, the exit code still says it.
pub(crate) fn print_to_stderr(prefix: &str, lines: &[String]) {
    let _ = write_lines(io::stderr().lock(), prefix, lines);
}

fn write_lines(mut stream: impl Write, prefix: &str, lines: &[String]) -> io::Result<()> {
    let text: String = lines.iter().map(|line| format!("{prefix}{line}\n")).collect();
    stream.write_all(text.as_bytes())?;
    stream.flush()
}
