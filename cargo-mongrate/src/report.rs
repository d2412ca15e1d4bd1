//! The report of a verb: its lines, warnings and errors, and the exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
};

/// The exit code for wrong arguments, the same as in the app's own command line.
pub(crate) const USAGE: u8 = 64;

/// What a verb did, and what you have to fix yourself.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) lines: Vec<String>,
    /// What you should know, though nothing is wrong.
    pub(crate) warnings: Vec<String>,
    pub(crate) problems: Vec<String>,
}

impl From<Vec<String>> for Report {
    fn from(lines: Vec<String>) -> Self {
        Self { lines, ..Self::default() }
    }
}

/// Prints the report, and returns the exit code.
pub(crate) fn finish(outcome: Result<Report, Vec<String>>) -> ExitCode {
    let Report { lines, warnings, problems } =
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

/// Prints to stdout. A reader that closed the pipe (`| head -1`) is no failure: the work is done.
fn print_lines(lines: &[String]) -> io::Result<()> {
    tolerant(write_lines(io::stdout().lock(), "", lines))
}

/// Prints a text as it is.
pub(crate) fn print_text(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    tolerant(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

fn tolerant(printed: io::Result<()>) -> io::Result<()> {
    match printed {
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
