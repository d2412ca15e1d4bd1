//! `cargo mongrate`: writes, seals, checks and renumbers the migrations of a package without
//! compiling them, and runs the command line of the app that they are linked into.

mod app;
mod arguments;
mod attribute;
mod graph;
mod named;
mod new;
mod package;
mod packaged;
mod rebase;
mod state;
mod verbs;
mod write;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use app::Call;
use arguments::{Cargo, Mongrate, Verb, Which};
use clap::{Parser as _, error::ErrorKind};
use package::{Asked, Package, Workspace};

/// Wrong arguments, as the app's own command line has it.
const USAGE: u8 = 64;

/// What `check` looked at, and what it did not.
const ONLY_SOURCES: &str = "the sources and migrations.sum are sound; no database was asked: `cargo \
                            mongrate check --server` asks one, too";
const THEN_THE_APP: &str =
    "the sources and migrations.sum are sound; now the app's own `check`, which asks the database";

/// What a verb did, and what it leaves to a person.
#[derive(Default)]
struct Report {
    lines: Vec<String>,
    /// What the user should know, though nothing is wrong.
    warnings: Vec<String>,
    problems: Vec<String>,
}

impl From<Vec<String>> for Report {
    fn from(lines: Vec<String>) -> Self {
        Self { lines, ..Self::default() }
    }
}

/// Runs the subcommand with these arguments, of which the first two are `cargo-mongrate` and
/// `mongrate`. Prints to stdout and stderr.
///
/// The exit code is 0 when all is well, 1 when something is wrong with the migrations or a file,
/// 64 for wrong arguments; for the verbs that run the app, it is the app's.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Cargo::Mongrate(Mongrate { which, verb }) = match Cargo::try_parse_from(arguments) {
        Ok(cargo) => cargo,
        Err(error) => {
            let _ = error.print();
            let is_asked =
                matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if is_asked { ExitCode::SUCCESS } else { ExitCode::from(USAGE) };
        }
    };
    let workspace = match Workspace::read(which.manifest_path.as_deref()) {
        Ok(workspace) => workspace,
        Err(problems) => return finish(Err(problems)),
    };
    if let Some(call) = verb.app() {
        return app::run(&workspace, &asked(&which), &call);
    }
    if let Verb::Check { server: true, build, rest } = &verb {
        let checked =
            workspace.select(&asked(&which)).and_then(|all| verbs::check(&workspace, &all));
        let checked = checked.map(|mut report| {
            report.lines.push(THEN_THE_APP.to_owned());
            report
        });
        let is_sound = checked.as_ref().is_ok_and(|report| report.problems.is_empty());
        let code = finish(checked);
        let call = Call { verb: "check", build, arguments: rest };
        return if is_sound { app::run(&workspace, &asked(&which), &call) } else { code };
    }
    finish(outcome(&workspace, &which, verb))
}

fn asked(which: &Which) -> Asked<'_> {
    Asked { names: &which.package, all: which.workspace }
}

fn outcome(workspace: &Workspace, which: &Which, verb: Verb) -> Result<Report, Vec<String>> {
    let packages: Vec<&Package> = workspace.select(&asked(which))?;
    match verb {
        Verb::New(new) => new::run(&packages, &new).map(Report::from),
        Verb::Seal => verbs::seal(&packages),
        Verb::Reseal { version, group } => {
            verbs::reseal(&packages, &group, version).map(Report::from)
        }
        Verb::Rebase(asked) => rebase::run(&packages, &asked.into()),
        Verb::Check { .. } => {
            let mut report = verbs::check(workspace, &packages)?;
            report.lines.push(ONLY_SOURCES.to_owned());
            Ok(report)
        }
        _ => unreachable!("runs the app"),
    }
}

fn finish(outcome: Result<Report, Vec<String>>) -> ExitCode {
    let Report { lines, warnings, problems } =
        outcome.unwrap_or_else(|problems| Report { problems, ..Report::default() });
    let said = say(&lines);
    complain("warning: ", &warnings);
    complain("error: ", &problems);
    if let Err(error) = &said {
        complain(
            "error: ",
            &[format!("cannot write to stdout: {error}; what was to be done is done")],
        );
    }
    if problems.is_empty() && said.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A reader that has gone away (`| head -1`) is no failure: the work is done.
fn say(lines: &[String]) -> io::Result<()> {
    match lines_to(io::stdout().lock(), "", lines) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        said => said,
    }
}

/// Where stderr cannot be written to, the exit code says it.
fn complain(mark: &str, lines: &[String]) {
    let _ = lines_to(io::stderr().lock(), mark, lines);
}

fn lines_to(mut stream: impl Write, mark: &str, lines: &[String]) -> io::Result<()> {
    let text: String = lines.iter().map(|line| format!("{mark}{line}\n")).collect();
    stream.write_all(text.as_bytes())?;
    stream.flush()
}
