//! A small clinic: the sample app of mongrate. One binary is both the command line for its
//! migrations (`clinic up`, `clinic status`, …) and the service (`clinic serve`).

mod migrations;
mod models;
mod service;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, process::ExitCode};

use mongrate::cli::{Cli, CliArgs, Command, clap};

/// Migrations and service of a small clinic.
///
/// Without MONGODB_URI it starts a MongoDB of its own and keeps the data in `.mongrate/`.
#[derive(clap::Parser)]
#[command(version, after_help = mongrate::cli::AFTER_HELP)]
struct Clinic {
    #[command(flatten)]
    args: CliArgs,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    #[command(flatten)]
    Migrate(Command),
    /// Serve the clinic's data over HTTP, after bringing the database up to date
    Serve {
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1:3000")]
        listen: SocketAddr,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut cli = Cli::new()
        .app(concat!("clinic ", env!("CARGO_PKG_VERSION")))
        .database("clinic")
        .embedded(concat!(env!("CARGO_MANIFEST_DIR"), "/../.mongrate/clinic"))
        .migrations_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/migrations"))
        // No model describes these two, so they are no drift.
        .configure(|migrator| migrator.ignore_drift("countries").ignore_drift("settings"));
    let clinic: Clinic = match cli.parse_from(std::env::args_os()) {
        Ok(clinic) => clinic,
        Err(code) => return code,
    };
    match clinic.verb {
        Verb::Migrate(command) => command.execute(&cli, &clinic.args).await,
        Verb::Serve { listen } => service::run(&cli, &clinic.args, listen).await,
    }
}
