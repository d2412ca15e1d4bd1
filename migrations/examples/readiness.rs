//! A service whose readiness probe is false until the database is up to date: the port is bound
//! first, and `/ready` answers 503 until `on_start` is done.
//!
//! ```sh
//! MONGODB_URI=mongodb://localhost cargo run -p clinic --example readiness -- 127.0.0.1:3000
//! ```

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{Router, http::StatusCode, routing::get};
use mongrate::{
    Migrator, Result, StartPolicy, Transaction,
    bson::{Document, doc},
    migration,
    mongodb::Client,
};
use tokio::net::TcpListener;

#[migration(version = 1)]
async fn greet(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("greetings").insert_one(doc! { "text": "hello" }).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let database = std::env::var("MONGODB_DATABASE").unwrap_or_else(|_| "readiness".to_owned());
    let uri = std::env::var("MONGODB_URI")?;

    // A probe that cannot connect counts as "not ready" too; but one that is answered tells a slow
    // migration from a dead process.
    let ready = Arc::new(AtomicBool::new(false));
    let probe = Arc::clone(&ready);
    let app = Router::new().route("/alive", get(|| async { StatusCode::OK })).route(
        "/ready",
        get(move || {
            let ready = probe.load(Ordering::Acquire);
            async move { if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE } }
        }),
    );
    let listener = TcpListener::bind(address).await?;
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });

    let db = Client::with_uri_str(uri).await?.database(&database);
    // However long it takes, or waits for another process that migrates.
    Migrator::new(&db).on_start().default_policy(StartPolicy::Migrate).await?;
    ready.store(true, Ordering::Release);

    serving.await??;
    Ok(())
}
