//! An app that applies its migrations when it starts, and sends spans and metrics of that to an
//! OpenTelemetry collector. Run it with `MONGODB_URI`, and a collector on `localhost:4318`.

mod telemetry;

use std::{error::Error, process::ExitCode};

use mongrate::{
    Migrator, Result, StartPolicy, Transaction,
    bson::{Document, doc},
    migration,
    mongodb::Client,
};

use telemetry::Telemetry;

/// Everybody begins with the free plan.
#[migration(version = 20250122001)]
async fn default_plan(tx: &mut Transaction<'_>) -> Result {
    // The app's own events and spans are below the span of the migration.
    tracing::info!("giving everybody the free plan");
    tx.collection::<Document>("users")
        .update_many(doc! { "plan": null }, doc! { "$set": { "plan": "free" } })
        .await?;
    Ok(())
}

/// Fails if `EXAMPLE_FAILS` is set, so that you see how that looks.
#[migration(version = 20250122002)]
async fn first_user(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("users").insert_one(doc! { "plan": "free" }).await?;
    match std::env::var_os("EXAMPLE_FAILS") {
        Some(_) => Err("it was asked to fail".into()),
        None => Ok(()),
    }
}

/// The exporter's client blocks, so it is made and ended outside of the runtime.
fn main() -> ExitCode {
    let telemetry = match Telemetry::start("shop") {
        Ok(telemetry) => telemetry,
        Err(error) => return fail(&*error),
    };
    let ended =
        tokio::runtime::Runtime::new().map_err(Into::into).and_then(|on| on.block_on(run()));
    telemetry.end();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error),
    }
}

async fn run() -> std::result::Result<(), Box<dyn Error + Send + Sync>> {
    let uri = std::env::var("MONGODB_URI").unwrap_or_else(|_| "mongodb://localhost".to_owned());
    let database = std::env::var("MONGODB_DATABASE").unwrap_or_else(|_| "shop".to_owned());
    let client = Client::with_uri_str(uri).await?;
    let migrator = Migrator::new(&client.database(&database)).app("shop 1.4.0");
    migrator.on_start().policy(StartPolicy::Migrate).await?;
    Ok(())
}

#[expect(clippy::print_stderr, reason = "it is the program")]
fn fail(error: &(dyn Error + Send + Sync)) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}
