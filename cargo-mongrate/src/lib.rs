//! `cargo mongrate`: writes, seals, checks and renumbers the migrations of a package without
//! compiling them, writes those that its models need, and runs the command line of the app that they are
//! linked into.

mod app;
mod arguments;
mod attribute;
mod build;
mod cargo;
mod ci;
mod crate_names;
mod finding;
mod format;
mod graph;
mod hermetic;
mod manual;
mod models;
mod new;
mod package;
mod packaged;
mod places;
mod policies;
mod rebase;
mod report;
mod squash;
mod state;
mod verbs;
mod write;

use std::{ffi::OsString, process::ExitCode};

use clap::{Parser as _, error::ErrorKind};

use self::{
    arguments::{Call, Cargo, Mongrate, PackageArgs, Verb},
    finding::{Finding, Review, Severity, rules},
    models::options::Models,
    package::{Package, Selection, Workspace},
    report::{Report, USAGE, finish, print_to_stderr},
    verbs::Checked,
};

/// What `check` reports when the sources are valid, without and with `--server`.
const ONLY_SOURCES: &str = "the sources and migrations.sum are valid; no database was checked: \
                            `cargo mongrate check --server` checks it, too";
const THEN_THE_APP: &str =
    "the sources and migrations.sum are valid; now the app's own `check`, which reads the database";

/// Runs the subcommand with these arguments, of which the first two are `cargo-mongrate` and
/// `mongrate`. Prints to stdout and stderr.
///
/// The exit code is 0 on success, 1 when something is wrong with the migrations or a file, and 64
/// for wrong arguments. A verb that runs the app has the app's exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Cargo::Mongrate(Mongrate { package_args, verb }) = match Cargo::try_parse_from(arguments) {
        Ok(cargo) => cargo,
        Err(error) => {
            let _ = error.print();
            let is_requested =
                matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if is_requested { ExitCode::SUCCESS } else { ExitCode::from(USAGE) };
        }
    };
    if let Some(problem) = verb.contradiction() {
        print_to_stderr("error: ", &[problem.to_owned()]);
        return ExitCode::from(USAGE);
    }
    // They need no package.
    match &verb {
        Verb::ShellCompletions { shell } => {
            let lines = vec![manual::completions(*shell)];
            return finish(Ok(Report { lines, ..Report::default() }));
        }
        Verb::Man { out } => return finish(manual::write(out).map(Report::from)),
        _ => {}
    }
    let verb = verb.settled();
    let workspace = match Workspace::read(package_args.manifest_path.as_deref()) {
        Ok(workspace) => workspace,
        Err(problems) => return refused(&verb, problems),
    };
    if let Some(call) = verb.app() {
        return app::run(&workspace, &selection(&package_args), &call);
    }
    review(&workspace, &package_args, &verb)
        .unwrap_or_else(|| finish(run_verb(&workspace, &package_args, verb)))
}

/// Runs a verb that reports findings; `None` for the others.
fn review(workspace: &Workspace, package_args: &PackageArgs, verb: &Verb) -> Option<ExitCode> {
    let selection = selection(package_args);
    let (_, args, is_json) = verb.format()?;
    let packages = match workspace.select(&selection) {
        Ok(packages) => packages,
        Err(problems) => return Some(refused(verb, problems)),
    };
    Some(match verb {
        Verb::Check { server, build, rest, strict, .. } => {
            let Checked { mut review, json, .. } =
                verbs::check(workspace, &packages, *strict, |_| Vec::new());
            let is_valid = review.is_ok();
            if is_valid {
                let last = if *server { THEN_THE_APP } else { ONLY_SOURCES };
                review.lines.push(last.to_owned());
            }
            let code = format::finish(&review, args, is_json, &json);
            if *server && is_valid {
                let call = Call { verb: "check", build, arguments: rest };
                return Some(app::run(workspace, &selection, &call));
            }
            code
        }
        Verb::Ci(options) => {
            let (review, json) = ci::run(workspace, &selection, &packages, options);
            format::finish(&review, args, is_json, &json)
        }
        Verb::Lint(options) => {
            let review = ci::lint(workspace, &selection, &packages, options);
            format::finish(&review, args, is_json, &[])
        }
        Verb::Diff(diff) => {
            let review = models::diff::check(workspace, &packages, diff);
            format::finish(&review, args, is_json, &[])
        }
        _ => return None,
    })
}

/// Reports why a verb cannot begin, in the format that was asked for.
fn refused(verb: &Verb, problems: Vec<String>) -> ExitCode {
    let Some((name, args, is_json)) = verb.format() else { return finish(Err(problems)) };
    let mut review = Review::new(name);
    let invalid = |it: &String| Finding::read(&rules::INVALID, Severity::Error, it);
    review.checked(verbs::SOURCES, problems.iter().map(invalid).collect());
    format::finish(&review, args, is_json, &[])
}

fn selection(package_args: &PackageArgs) -> Selection<'_> {
    Selection { names: &package_args.package, all: package_args.workspace }
}

fn run_verb(
    workspace: &Workspace,
    package_args: &PackageArgs,
    verb: Verb,
) -> Result<Report, Vec<String>> {
    let packages: Vec<&Package> = workspace.select(&selection(package_args))?;
    match verb {
        Verb::New(new) => new::run(&packages, &new).map(Report::from),
        Verb::Diff(diff) => models::diff::run(workspace, &packages, &diff),
        Verb::Models(Models::Init(init)) => models::init::run(
            workspace,
            &selection(package_args),
            new::only_package(&packages)?,
            &init,
        ),
        Verb::Seal => verbs::seal(&packages),
        Verb::Reseal { version, group } => {
            verbs::reseal(&packages, &group, version).map(Report::from)
        }
        Verb::Squash(options) => {
            squash::run(workspace, &selection(package_args), &packages, &options)
        }
        Verb::Rebase(args) => rebase::run(&packages, &args.into()),
        _ => unreachable!("runs the app, or reports findings"),
    }
}
