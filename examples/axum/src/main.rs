//! An axum service that migrates when it starts.
//!
//! - The port is bound first. `/ready` answers 503 until the migrations are done, so that a probe tells a
//!   long migration from a dead process. Any number of instances may start at once: one of them migrates.
//! - The dashboard and the HTTP interface are below `/api/migrations`, if `OPS_TOKEN` is set (16 bytes or
//!   more). They answer from the start on, so that the run of the start itself can be watched.
//! - Ctrl-C cancels a run in flight in order: its transaction is rolled back, the lock is free again.
//!
//! ```sh
//! MONGODB_URI=mongodb://localhost OPS_TOKEN=$(openssl rand -hex 32) cargo run -p mongrate-example-axum
//! curl localhost:3000/ready
//! ```

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use mongrate::{
    BoxError, CancellationToken, Migrator, Result, StartPolicy, Transaction,
    bson::{Document, doc},
    http::{Api, Auth, Scope, Token},
    migration,
    mongodb::{Client, Database},
};
use tokio::net::TcpListener;

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

/// What the handlers share.
#[derive(Clone)]
struct Shop {
    db: Database,
    ready: Arc<AtomicBool>,
}

async fn ready(State(shop): State<Shop>) -> StatusCode {
    match shop.ready.load(Ordering::Acquire) {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn greeting(State(shop): State<Shop>) -> std::result::Result<String, StatusCode> {
    let greetings = shop.db.collection::<Document>("greetings");
    let found = greetings.find_one(doc! {}).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let text = found.and_then(|found| found.get_str("text").map(str::to_owned).ok());
    text.ok_or(StatusCode::NOT_FOUND)
}

#[tokio::main]
async fn main() -> std::result::Result<(), BoxError> {
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let uri = env::var("MONGODB_URI").unwrap_or_else(|_| "mongodb://localhost".to_owned());
    let database = env::var("MONGODB_DATABASE").unwrap_or_else(|_| "shop".to_owned());
    let db = Client::with_uri_str(uri).await?.database(&database);

    let stopping = CancellationToken::new();
    let migrator = Migrator::new(&db)
        .app(concat!("shop ", env!("CARGO_PKG_VERSION")))
        .cancel_on(stopping.clone());
    let api = match env::var("OPS_TOKEN") {
        Ok(token) => {
            let auth = Auth::bearer([Token::new("ops", Scope::Write, token)?])?;
            Some(Api::new(migrator.clone(), auth))
        }
        Err(_) => None,
    };

    let shop = Shop { db, ready: Arc::default() };
    let mut app = Router::new()
        .route("/alive", get(async || StatusCode::OK))
        .route("/ready", get(ready))
        .route("/greeting", get(greeting))
        .with_state(shop.clone());
    if let Some(api) = &api {
        app = app.merge(api.router());
    }

    let listener = TcpListener::bind(address).await?;
    let stop = stopping.clone();
    let serving = tokio::spawn(async move {
        let stopped = async move {
            let _ = tokio::signal::ctrl_c().await;
            stop.cancel();
            if let Some(api) = api {
                // Ends the runs that were asked for over HTTP, and the streams of events.
                api.shutdown().await;
            }
        };
        axum::serve(listener, app).with_graceful_shutdown(stopped).await
    });

    // However long it takes, or waits for another process that migrates. `MIGRATE_ON_START=check` makes it
    // a check, for a deployment that migrates in a Job.
    migrator.on_start().default_policy(StartPolicy::Migrate).await?;
    shop.ready.store(true, Ordering::Release);

    serving.await??;
    Ok(())
}
