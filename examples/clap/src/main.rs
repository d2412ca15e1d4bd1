//! An app with a command line of its own, and the verbs of Mongrate as one subcommand of it.
//!
//! `shop serve` is the app's own. `shop db up`, `shop db status`, … are Mongrate's: options, exit codes, signals,
//! JSON and completions are those of the whole command line. `cli.parse()` finds where the verbs are, so that
//! messages say `shop db up`. The app's own subcommand uses the same connection string and database.
//!
//! ```sh
//! export MONGODB_URI=mongodb://localhost
//! cargo run -p mongrate-example-clap -- db status
//! cargo run -p mongrate-example-clap -- db up
//! cargo run -p mongrate-example-clap -- serve
//! ```

use std::process::ExitCode;

use mongrate::{
    Change,
    bson::doc,
    cli::{Cli, CliArgs, Command, clap},
    migration,
};

#[migration(version = 20250122001, reversible)]
fn users_by_email(change: &mut Change) {
    change.create_collection("users");
    change.create_index("users", doc! { "email": 1 }).unique(true);
}

/// A shop.
#[derive(clap::Parser)]
#[command(version)]
enum Shop {
    /// Migrate the database
    #[command(after_help = mongrate::cli::AFTER_HELP)]
    Db(Box<Db>),
    /// Serve customers
    Serve(CliArgs),
}

#[derive(clap::Args)]
struct Db {
    #[command(flatten)]
    args: CliArgs,
    #[command(subcommand)]
    verb: Command,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut cli = Cli::new().app("shop 1.2.0").database("shop");
    match cli.parse() {
        Ok(Shop::Db(db)) => db.verb.execute(&cli, &db.args).await,
        Ok(Shop::Serve(args)) => serve(&cli, &args).await,
        Err(code) => code,
    }
}

/// Serves only if nothing is pending: `shop db up` comes first.
async fn serve(cli: &Cli, args: &CliArgs) -> ExitCode {
    let connection = match cli.connect(args).await {
        Ok(connection) => connection,
        Err(error) => return args.fail(&error),
    };
    let checked = cli.migrator(args, connection.database()).check().await;
    let code = match checked {
        Ok(_) => ExitCode::SUCCESS, // …
        Err(error) => args.fail(&error.into()),
    };
    connection.close().await;
    code
}
