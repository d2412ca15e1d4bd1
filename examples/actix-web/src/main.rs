//! An actix-web service that migrates when it starts, and has the dashboard on a port beside its own.
//!
//! Mongrate's HTTP interface is an axum router, which actix-web cannot mount. So it listens on a port of its own,
//! in the same process: set `OPS_TOKEN` (16 bytes or more), and open `http://127.0.0.1:3001/api/migrations`. Keep
//! that port inside, as with any admin port. (The verb `serve` of the command line does the same in a process of
//! its own.) The side port is open before the migrations begin, so that they can be watched. The service's
//! own port opens when they are done; that is its readiness.
//!
//! ```sh
//! MONGODB_URI=mongodb://localhost OPS_TOKEN=$(openssl rand -hex 32) cargo run -p mongrate-example-actix-web
//! ```

use std::env;

use actix_web::{App, HttpResponse, HttpServer, Responder, web};
use mongrate::{
    CancellationToken, Migrator, Result, StartPolicy, Transaction,
    bson::{Document, doc},
    http::{Api, Auth, Scope, Token, axum},
    migration,
    mongodb::{Client, Database},
};
use tokio::{net::TcpListener, task::JoinHandle};

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

async fn greeting(db: web::Data<Database>) -> impl Responder {
    let greetings = db.collection::<Document>("greetings");
    match greetings.find_one(doc! {}).await {
        Ok(Some(found)) => HttpResponse::Ok().body(found.get_str("text").unwrap_or("").to_owned()),
        Ok(None) => HttpResponse::NotFound().finish(),
        Err(_) => HttpResponse::BadGateway().finish(),
    }
}

/// The dashboard and the HTTP interface on a port of their own, until `stopping` is cancelled.
async fn side_port(
    migrator: &Migrator,
    token: String,
    stopping: CancellationToken,
) -> Result<JoinHandle<std::io::Result<()>>> {
    let address = env::var("OPS_LISTEN").unwrap_or_else(|_| "127.0.0.1:3001".to_owned());
    let auth = Auth::bearer([Token::new("ops", Scope::Write, token)?])?;
    let api = Api::new(migrator.clone(), auth);
    let listener = TcpListener::bind(address).await?;
    let router = api.router();
    let stopped = async move {
        stopping.cancelled().await;
        // Ends the runs that were asked for over HTTP, and the streams of events.
        api.shutdown().await;
    };
    Ok(tokio::spawn(
        async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await },
    ))
}

#[tokio::main]
async fn main() -> Result {
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let uri = env::var("MONGODB_URI").unwrap_or_else(|_| "mongodb://localhost".to_owned());
    let database = env::var("MONGODB_DATABASE").unwrap_or_else(|_| "shop".to_owned());
    let db = Client::with_uri_str(uri).await?.database(&database);

    let stopping = CancellationToken::new();
    let migrator = Migrator::new(&db)
        .app(concat!("shop ", env!("CARGO_PKG_VERSION")))
        .cancel_on(stopping.clone());
    let side = match env::var("OPS_TOKEN") {
        Ok(token) => Some(side_port(&migrator, token, stopping.clone()).await?),
        Err(_) => None,
    };
    // actix-web ends its server by itself on Ctrl-C; this ends the migrations and the side port.
    let stop = stopping.clone();
    tokio::spawn(async move {
        let _ = tokio::signal::ctrl_c().await;
        stop.cancel();
    });
    migrator.on_start().default_policy(StartPolicy::Migrate).await?;

    let db = web::Data::new(db);
    HttpServer::new(move || {
        App::new().app_data(db.clone()).route("/greeting", web::get().to(greeting))
    })
    .bind(address)?
    .run()
    .await?;

    stopping.cancel();
    if let Some(side) = side {
        side.await??;
    }
    Ok(())
}
