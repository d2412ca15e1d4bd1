//! The service: it brings the database up to date, then answers requests.

use std::{net::SocketAddr, process::ExitCode};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use mongrate::{
    Error, Migrator, StartPolicy,
    bson::{Document, doc},
    cli::{Cli, CliArgs},
    http::{Api, Auth, Scope, Token},
    mongodb::Database,
    webhook::Webhook,
};
use serde_json::{Value, json};

use crate::models::{Patient, Visit};

/// Serves until Ctrl-C.
pub(crate) async fn run(cli: &Cli, args: &CliArgs, listen: SocketAddr) -> ExitCode {
    let connection = match cli.connect(args).await {
        Ok(connection) => connection,
        Err(error) => return args.fail(&error),
    };
    let mut migrator = cli.migrator(args, connection.database());
    // With `MONGRATE_WEBHOOK`, a chat or an incident tool is told what happens.
    match Webhook::from_env() {
        Ok(Some(webhook)) => migrator = migrator.webhook(webhook),
        Ok(None) => {}
        Err(error) => {
            connection.close().await;
            return args.fail(&error.into());
        }
    }
    // Several instances may start at once: one migrates, the others wait until it is done.
    // `MIGRATE_ON_START=check` or `=false` changes that.
    if let Err(error) = migrator.on_start().default_policy(StartPolicy::Migrate).await {
        connection.close().await;
        return args.fail(&error.into());
    }
    let migrations = match migrations(migrator) {
        Ok(migrations) => migrations,
        Err(error) => {
            connection.close().await;
            return args.fail(&error.into());
        }
    };
    let served = serve(connection.database().clone(), migrations, listen).await;
    connection.close().await;
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("cannot serve on {listen}: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Serves the migrations and their dashboard over HTTP, if `CLINIC_TOKEN` is set.
fn migrations(migrator: Migrator) -> Result<Option<Api>, Error> {
    let Ok(secret) = std::env::var("CLINIC_TOKEN") else { return Ok(None) };
    let auth = Auth::bearer([Token::new("ops", Scope::Write, secret)?])?;
    Ok(Some(Api::new(migrator, auth)))
}

async fn serve(db: Database, migrations: Option<Api>, listen: SocketAddr) -> std::io::Result<()> {
    let mut router = Router::new()
        .route("/", get(counts))
        .route("/patients/{number}", get(patient))
        .with_state(db);
    if let Some(api) = &migrations {
        router = router.merge(api.router());
    }
    let listener = tokio::net::TcpListener::bind(listen).await?;
    say(&format!("the clinic is open: http://{}", listener.local_addr()?));
    let closing = async {
        let _ = tokio::signal::ctrl_c().await;
        if let Some(api) = migrations {
            // Lets a run in flight end in order.
            api.shutdown().await;
        }
    };
    axum::serve(listener, router).with_graceful_shutdown(closing).await
}

async fn counts(State(db): State<Database>) -> Result<Json<Value>, StatusCode> {
    let count = async |name: &str| {
        let counted = db.collection::<Document>(name).estimated_document_count().await;
        counted.map_err(|_| StatusCode::BAD_GATEWAY)
    };
    Ok(Json(json!({
        "countries": count("countries").await?,
        "patients": count("patients").await?,
        "visits": count("visits").await?,
    })))
}

async fn patient(
    State(db): State<Database>,
    Path(number): Path<String>,
) -> Result<Json<Value>, StatusCode> {
    let patients = db.collection::<Patient>("patients");
    let found = patients
        .find_one(doc! { "number": &number })
        .await
        .map_err(|_| StatusCode::BAD_GATEWAY)?
        .ok_or(StatusCode::NOT_FOUND)?;
    let visits = db.collection::<Visit>("visits");
    let last = visits
        .find_one(doc! { "patient": &number })
        .sort(doc! { "at": -1 })
        .await
        .map_err(|_| StatusCode::BAD_GATEWAY)?;
    let mut shown = json!({
        "number": found.number,
        "given": found.given,
        "family": found.family,
        "country": found.country,
    });
    if let (Some(visit), Some(fields)) = (last, shown.as_object_mut()) {
        fields.insert("last_complaint".to_owned(), visit.complaint.into());
    }
    Ok(Json(shown))
}

#[expect(clippy::print_stderr, reason = "the service prints one line for people")]
fn say(text: &str) {
    eprintln!("{text}");
}
