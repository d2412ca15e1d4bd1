//! An app without a server of its own: `served serve`. What its migrations meet is set by the
//! environment.

use std::{process::ExitCode, time::Duration};

use mongrate::{
    Online, Result, Transaction,
    bson::{Document, doc},
    migration,
};

fn number(name: &str) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A few users, and `SERVED_VISITS` visits.
#[migration(version = 1, reversible = remove_users)]
async fn add_users(tx: &mut Transaction<'_>) -> Result {
    let users = ["anna", "ben", "cleo"].map(|name| doc! { "_id": name });
    tx.collection::<Document>("users").insert_many(users).await?;
    let visits: Vec<Document> = (0..number("SERVED_VISITS")).map(|_| doc! {}).collect();
    if !visits.is_empty() {
        tx.collection::<Document>("visits").insert_many(visits).await?;
    }
    Ok(())
}

async fn remove_users(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("users").delete_many(doc! {}).await?;
    tx.collection::<Document>("visits").delete_many(doc! {}).await?;
    Ok(())
}

/// Walks over what is there; with `SERVED_SLOW_MS`, it takes a rest after each batch.
#[migration(version = 2, reversible = unmark_visits)]
async fn mark_visits(on: &mut Online<'_>) -> Result {
    walk(on, doc! { "$set": { "marked": true } }).await
}

async fn unmark_visits(on: &mut Online<'_>) -> Result {
    walk(on, doc! { "$unset": "marked" }).await
}

async fn walk(on: &mut Online<'_>, change: Document) -> Result {
    on.backfill("visits", "visits")
        .batch_size(100)
        .pause(Duration::from_millis(number("SERVED_SLOW_MS")))
        .update(vec![change])
        .await?;
    Ok(())
}

/// With `SERVED_FAILS`, it fails as that says; with `SERVED_HANGS`, it says `inside`, and waits.
#[migration(version = 3, reversible = nothing)]
async fn last_one(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("users").insert_one(doc! { "_id": "dora" }).await?;
    if let Ok(why) = std::env::var("SERVED_FAILS") {
        return Err(why.into());
    }
    if std::env::var_os("SERVED_HANGS").is_some() {
        println!("inside");
        std::future::pending::<()>().await;
    }
    Ok(())
}

async fn nothing(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("users").delete_one(doc! { "_id": "dora" }).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut cli = mongrate::cli::Cli::new().app("served 1.0").database("served");
    // Where no server is named: for the scripts in `tests/http`.
    if let Some(dir) = std::env::var_os("SERVED_DATA") {
        cli = cli.embedded(dir);
    }
    cli.run().await
}
