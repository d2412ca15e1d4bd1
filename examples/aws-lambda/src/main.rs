//! An AWS Lambda function that migrates when it is asked to, and otherwise only checks.
//!
//! Lambda freezes a process between two calls, for minutes or for good, and may end it without a signal. So never
//! leave a run in the background: await it within a call. If a process is frozen in a run all the same (its
//! call timed out), nothing is lost or doubled. The lease ends by the server's clock, another process takes over and
//! resumes, and the database refuses what the frozen process still tries to commit when it wakes up; its run
//! ends with `lock_lost`, or finds nothing left to do. What is lost is time: nobody can tell a frozen process from a slow one, so the others wait
//! for the lease. A short lease keeps that wait short.
//!
//! - At the start (which Lambda limits to 10 s) it only checks: one round trip.
//! - The deployment invokes it with `{"migrate": true}`, with a timeout for the longest migration (15 minutes at
//!   most). What takes longer belongs into a job elsewhere.

use std::{env, time::Duration};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use mongrate::{
    Migrator, Result, StartPolicy, Transaction,
    bson::{Document, doc},
    migration,
    mongodb::{Client, Database},
};
use serde_json::{Value, json};

/// Everybody begins with a greeting.
#[migration(version = 20250122001, reversible = forget)]
async fn greet(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("greetings").insert_one(doc! { "text": "hello" }).await?;
    Ok(())
}

async fn forget(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("greetings").delete_one(doc! { "text": "hello" }).await?;
    Ok(())
}

fn migrator(db: &Database) -> Migrator {
    let app = concat!("shop ", env!("CARGO_PKG_VERSION"));
    // The default is 30 s. Each heartbeat, every third of it, renews the lease.
    Migrator::new(db).app(app).lease(Duration::from_secs(6))
}

async fn handle(db: &Database, event: LambdaEvent<Value>) -> Result<Value, Error> {
    if event.payload.get("migrate") == Some(&Value::Bool(true)) {
        // Awaited: the process is not frozen before the answer, unless the call times out.
        let report = migrator(db).up().await?;
        return Ok(json!({ "applied": report.done().count() }));
    }
    let greetings = db.collection::<Document>("greetings");
    let found = greetings.find_one(doc! {}).await?;
    Ok(json!({ "text": found.as_ref().and_then(|found| found.get_str("text").ok()) }))
}

// One thread: a process of Lambda answers one call at a time.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let database = env::var("MONGODB_DATABASE").unwrap_or_else(|_| "shop".to_owned());
    // One client for all calls of this process.
    let db = Client::with_uri_str(env::var("MONGODB_URI")?).await?.database(&database);
    // `check` would keep the function from being invoked to migrate.
    migrator(&db).on_start().default_policy(StartPolicy::Warn).await?;
    lambda_runtime::run(service_fn(async |event| handle(&db, event).await)).await
}
