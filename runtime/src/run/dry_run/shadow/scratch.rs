//! The scratch database itself: its name, the document that proves whose it is, its end.
//!
//! The first thing in it is a marker, which says what it is, of which database, and when its
//! maker was last alive, by the server's clock. Nothing is dropped that has no such marker.

use std::{future::IntoFuture as _, time::Duration};

use mongodb::{
    Database,
    bson::{Bson, Document, doc},
};
use tokio::task::AbortHandle;

use crate::{
    model::{error::Error, state::Who},
    mongo::{reply::first_batch, server_error::ServerError},
    protocol::control::on_primary,
    telemetry::visible::Line,
};

/// The prefix of every scratch database's name.
const PREFIX: &str = "mongrate_shadow_";

/// The collection of the marker.
pub(crate) const MARKER: &str = "mongrate.shadow";

const MARKER_ID: &str = "this database is a scratch copy made by mongrate, and may be dropped";

/// How often the process that made it renews the marker.
const ALIVE_EVERY: Duration = Duration::from_secs(60);

/// A scratch database whose marker was not renewed for this long is a left-over. A process that is
/// frozen for longer fails when it wakes up: its database is gone.
const DEAD_AFTER_MS: i64 = 15 * 60 * 1_000;

/// How long dropping it may take before it is left to a later run.
const DROP_WAIT: Duration = Duration::from_secs(60);

/// A name that no other run takes: 64 random bits.
pub(super) fn new_name() -> String {
    format!("{PREFIX}{:016x}", fastrand::u64(..))
}

#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) database: Database,
    alive: AbortHandle,
}

impl Scratch {
    /// Makes it, with the marker before anything else.
    pub(super) async fn make(source: &Database, name: &str, who: &Who) -> Result<Self, Error> {
        let database = on_primary(source.client(), name);
        let of = source.name().to_owned();
        let set = doc! {
            "of": literal(&of), "host": literal(&who.host), "pid": i64::from(who.pid),
            "since": "$$NOW", "aliveAt": "$$NOW",
        };
        // Only in a database that is not there yet.
        let names = doc! { "listCollections": 1, "nameOnly": true };
        let reply = database.run_command(names).await.map_err(|error| forbidden(name, error))?;
        if first_batch(&reply).next().is_some() {
            return Err(Error::ShadowImpossible {
                problem: format!("a database called `{name}` is there already; try again"),
            });
        }
        database
            .run_command(doc! {
                "update": MARKER,
                "updates": [{ "q": { "_id": MARKER_ID }, "u": [{ "$set": set }], "upsert": true }],
            })
            .await
            .map_err(|error| forbidden(name, error))?;
        let marker = database.collection::<Document>(MARKER);
        let beating = tokio::spawn(async move {
            loop {
                tokio::time::sleep(ALIVE_EVERY).await;
                let now = vec![doc! { "$set": { "aliveAt": "$$NOW" } }];
                if let Err(error) = marker.update_one(doc! { "_id": MARKER_ID }, now).await {
                    let error = ServerError::from(error);
                    tracing::debug!(target: "mongrate", error = %Line(&error), "the scratch database's marker was not renewed");
                }
            }
        });
        tracing::debug!(target: "mongrate", database = name, "made a scratch database");
        Ok(Self { database, alive: beating.abort_handle() })
    }

    /// Drops it.
    pub(super) async fn drop(self) -> Result<(), Error> {
        let name = self.database.name().to_owned();
        let left = |why: String| {
            tracing::warn!(
                target: "mongrate", database = %Line(&name), why,
                "the scratch database could not be dropped; a later shadow run drops it"
            );
        };
        // Twice: an election may be under way.
        for last in [false, true] {
            let dropping = self.database.drop().into_future();
            match tokio::time::timeout(DROP_WAIT, dropping).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) if last => {
                    let error = ServerError::from(error);
                    left(error.to_string());
                    return Err(Error::server("drop the scratch database", error));
                }
                Err(_) if last => {
                    left("it took too long".to_owned());
                    let error = ServerError::in_reply("it took longer than a minute", None);
                    return Err(Error::server("drop the scratch database", error));
                }
                _ => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.alive.abort();
    }
}

/// Drops the scratch databases that killed shadow runs of this database left behind. A database
/// that cannot be read or dropped is left alone: it stops no run.
pub(super) async fn sweep(source: &Database) -> Vec<String> {
    let client = source.client();
    let ask = doc! {
        "listDatabases": 1, "nameOnly": true,
        "filter": { "name": { "$regex": format!("^{PREFIX}[0-9a-f]{{16}}$") } },
    };
    let Ok(reply) = client.database("admin").run_command(ask).await else { return Vec::new() };
    let names: Vec<String> = reply
        .get_array("databases")
        .map(|found| {
            let name = |one: &Bson| Some(one.as_document()?.get_str("name").ok()?.to_owned());
            found.iter().filter_map(name).collect()
        })
        .unwrap_or_default();
    let mut swept = Vec::new();
    for name in names {
        let database = client.database(&name);
        // Old by the server's clock, ours by its own words.
        let dead = doc! {
            "_id": MARKER_ID,
            "of": source.name(),
            "aliveAt": { "$type": "date" },
            "$expr": { "$lt": ["$aliveAt", { "$subtract": ["$$NOW", DEAD_AFTER_MS] }] },
        };
        let marker = database.collection::<Document>(MARKER);
        if !matches!(marker.find_one(dead).await, Ok(Some(_))) {
            continue;
        }
        match database.drop().await {
            Ok(()) => {
                tracing::info!(target: "mongrate", database = %Line(&name), "dropped a left-over scratch database");
                swept.push(name);
            }
            Err(error) => {
                let error = ServerError::from(error);
                tracing::warn!(target: "mongrate", database = %Line(&name), error = %Line(&error), "a left-over scratch database could not be dropped");
            }
        }
    }
    swept
}

/// Tells a lack of rights from everything else.
pub(super) fn forbidden(database: &str, error: mongodb::error::Error) -> Error {
    let error = ServerError::from(error);
    match error.code() {
        Some(13) => {
            Error::ShadowForbidden { database: database.to_owned(), missing: error.to_string() }
        }
        _ => Error::server("make the scratch database", error),
    }
}

fn literal(text: &str) -> Document {
    doc! { "$literal": text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_new_and_fits() {
        let (one, other) = (new_name(), new_name());
        assert_ne!(one, other);
        assert!(one.starts_with(PREFIX) && one.len() <= 63, "{one}");
        assert!(
            one.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        );
    }
}
