//! `cargo mongrate`: seals the history of a package's migrations, and checks it without
//! compiling.

mod package;
mod verbs;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// As cargo calls it: `cargo-mongrate mongrate …`.
#[derive(Parser)]
#[command(name = "cargo", bin_name = "cargo", version)]
enum Cargo {
    Mongrate(Mongrate),
}

/// Sealed history for migrations: the file `migrations.sum` beside Cargo.toml.
#[derive(Args)]
#[command(version)]
struct Mongrate {
    #[command(flatten)]
    which: Which,
    #[command(subcommand)]
    verb: Verb,
}

/// Which packages.
#[derive(Args)]
struct Which {
    /// Path to Cargo.toml
    #[arg(long, global = true, value_name = "PATH")]
    manifest_path: Option<PathBuf>,
    /// A package of the workspace; else the one you are in, or all that use mongrate
    #[arg(long, short, global = true, value_name = "NAME")]
    package: Vec<String>,
}

#[derive(Subcommand)]
enum Verb {
    /// Append the migrations that are new to migrations.sum
    Seal,
    /// Seal a migration as it is now: after an edit or a new name that no database has seen
    Reseal {
        /// Its version
        version: i64,
        /// Its group
        #[arg(long, default_value = "default")]
        group: String,
    },
    /// Check migrations.sum against the sources, without compiling
    Check,
}

fn main() -> ExitCode {
    let Cargo::Mongrate(Mongrate { which, verb }) = Cargo::parse();
    let outcome =
        package::select(which.manifest_path.as_deref(), &which.package).and_then(|packages| {
            match verb {
                Verb::Seal => verbs::seal(&packages),
                Verb::Reseal { version, group } => verbs::reseal(&packages, &group, version),
                Verb::Check => verbs::check(&packages),
            }
        });
    match outcome {
        Ok(report) => {
            say(&report);
            ExitCode::SUCCESS
        }
        Err(problems) => {
            complain(&problems);
            ExitCode::FAILURE
        }
    }
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
