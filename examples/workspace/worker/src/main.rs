//! The service that uses the database and does not own it: it starts only if nothing is pending.
//!
//! Its user of the database needs no right to change the schema, only `find` on the collection `migrations`.
//! An orchestrator that starts it too early starts it again until `api` has migrated. To wait instead of
//! failing, call `check` in a loop; to let it start with a warning, choose `StartPolicy::Warn`.
//!
//! ```sh
//! MONGODB_URI=mongodb://localhost cargo run -p mongrate-example-workspace-worker
//! ```

use std::{env, process::ExitCode};

use mongrate::{BoxError, Migrator, Result, StartPolicy, mongodb::Client};
use shop_migrations as _;

#[tokio::main]
#[expect(clippy::print_stderr, reason = "it is the program")]
async fn main() -> ExitCode {
    let Err(error) = run().await else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    // The exit codes of the command line: 3 says that migrations are pending.
    let kind = error.downcast_ref::<mongrate::Error>().map(mongrate::Error::kind);
    kind.map_or(ExitCode::FAILURE, |kind| ExitCode::from(kind.exit_code()))
}

async fn run() -> Result<(), BoxError> {
    let uri = env::var("MONGODB_URI").unwrap_or_else(|_| "mongodb://localhost".to_owned());
    let database = env::var("MONGODB_DATABASE").unwrap_or_else(|_| "shop".to_owned());
    let db = Client::with_uri_str(uri).await?.database(&database);

    let migrator = Migrator::new(&db).app(concat!("shop-worker ", env!("CARGO_PKG_VERSION")));
    migrator.on_start().policy(StartPolicy::Check).await?;

    // … work
    Ok(())
}
