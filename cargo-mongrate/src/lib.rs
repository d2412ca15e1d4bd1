//! `cargo mongrate`: writes, seals, checks and renumbers the migrations of a package without
//! compiling them, and runs the command line of the app that they are linked into.

mod app;
mod arguments;
mod attribute;
mod graph;
mod named;
mod new;
mod package;
mod rebase;
mod state;
mod verbs;
mod write;

use std::ffi::OsString;
use std::process::ExitCode;

use app::Call;
use arguments::{Cargo, Mongrate, Verb, Which};
use clap::{Parser as _, error::ErrorKind};
use package::{Asked, Package, Workspace};

/// Wrong arguments, as the app's own command line has it.
const USAGE: u8 = 64;

/// What a verb did, and what it leaves to a person.
struct Report {
    lines: Vec<String>,
    problems: Vec<String>,
}

impl From<Vec<String>> for Report {
    fn from(lines: Vec<String>) -> Self {
        Self { lines, problems: Vec::new() }
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
        let is_sound = checked.is_ok();
        let code = finish(checked.map(Report::from));
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
        Verb::Seal => verbs::seal(&packages).map(Report::from),
        Verb::Reseal { version, group } => {
            verbs::reseal(&packages, &group, version).map(Report::from)
        }
        Verb::Rebase(asked) => rebase::run(&packages, &asked.into()),
        Verb::Check { .. } => verbs::check(workspace, &packages).map(Report::from),
        _ => unreachable!("runs the app"),
    }
}

fn finish(outcome: Result<Report, Vec<String>>) -> ExitCode {
    let (lines, problems) = match outcome {
        Ok(Report { lines, problems }) => (lines, problems),
        Err(problems) => (Vec::new(), problems),
    };
    say(&lines);
    complain(&problems);
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "a program's output")]
fn say(lines: &[String]) {
    for line in lines {
        println!("{line}");
    }
}

#[expect(clippy::print_stderr, reason = "a program's errors")]
fn complain(problems: &[String]) {
    for problem in problems {
        eprintln!("error: {problem}");
    }
}
