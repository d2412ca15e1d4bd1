//! `cargo mongrate`: writes, seals, checks and renumbers the migrations of a package without
//! compiling them, writes those that its models need, and runs the command line of the app that they are
//! linked into.

mod app;
mod arguments;
mod attribute;
mod build;
mod cargo;
mod crate_names;
mod graph;
mod hermetic;
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
    models::options::Models,
    package::{Package, Selection, Workspace},
    report::{Report, USAGE, finish, finish_json},
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
    let verb = verb.settled();
    let is_json = matches!(verb, Verb::Check { json: true, .. });
    let workspace = match Workspace::read(package_args.manifest_path.as_deref()) {
        Ok(workspace) => workspace,
        Err(problems) if is_json => return finish_json(Err(problems)),
        Err(problems) => return finish(Err(problems)),
    };
    if let Some(call) = verb.app() {
        return app::run(&workspace, &selection(&package_args), &call);
    }
    if let Verb::Check { server: true, build, rest, strict, json: _ } = &verb {
        let checked = workspace
            .select(&selection(&package_args))
            .and_then(|packages| verbs::check(&workspace, &packages, *strict));
        let checked = checked.map(|mut report| {
            report.lines.push(THEN_THE_APP.to_owned());
            report
        });
        let is_valid = checked.as_ref().is_ok_and(|report| report.problems.is_empty());
        let code = finish(checked);
        let call = Call { verb: "check", build, arguments: rest };
        return if is_valid {
            app::run(&workspace, &selection(&package_args), &call)
        } else {
            code
        };
    }
    let finish = if is_json { finish_json } else { finish };
    finish(run_verb(&workspace, &package_args, verb))
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
        Verb::Check { strict, .. } => {
            let mut report = verbs::check(workspace, &packages, strict)?;
            if report.problems.is_empty() {
                report.lines.push(ONLY_SOURCES.to_owned());
            }
            Ok(report)
        }
        _ => unreachable!("runs the app"),
    }
}
