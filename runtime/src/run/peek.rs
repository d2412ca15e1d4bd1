//! Peeks: one read of constant size shows the fence, the lock, and whether the collection is Mongrate's.

use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};

use crate::{
    model::{digest::Digest, error::Error, report::status::LockReport},
    mongo::product::Product,
    protocol::{
        control::Control,
        documents::LOCK_ID,
        fence::{self, Fence},
        lease::{self, AbandonedLock},
        record,
    },
};

/// The result of one read of constant size.
#[derive(Debug)]
pub(crate) struct Peek {
    pub applied: Option<Digest>,
    pub lock: LockReport,
    /// How long ago its holder got the lock, by the server's clock.
    pub held_for: Option<Duration>,
    /// The lock's holder is gone.
    pub left: Option<AbandonedLock>,
    /// How many guarded transactions have committed.
    #[cfg(feature = "http")]
    pub guards: i64,
    /// The UUID of the acquisition that holds the lock, or held it last.
    pub owner: Option<String>,
}

/// Reads fence and lock, and refuses a standalone server, and a collection that is not ours.
/// One round trip.
///
/// Sorted by descending `_id`, lock and fence come first in a collection of Mongrate's: only
/// `_id`s of types that Mongrate does not use sort before them. So the first three documents
/// show whose collection it is, however many documents it has.
pub(crate) async fn peek(control: &Control, local_takeover: bool) -> Result<Peek, Error> {
    let command = doc! {
        "find": &control.collection,
        "filter": {},
        "sort": { "_id": -1 },
        "projection": lease::projection(),
        "limit": 3,
        "singleBatch": true,
        "readConcern": { "level": "majority" },
    };
    let act = "read the state of the migrations";
    let reply = match control.retrying(None, command).await {
        Ok(reply) => reply,
        Err(error) => return Err(control.explained_at_first(act, error).await),
    };
    // Every member of a replica set and every mongos reports both times; a standalone server
    // none, and products that are nearly MongoDB not both.
    let has_time = reply.contains_key("operationTime");
    if !has_time || !reply.contains_key("$clusterTime") {
        match control.product().await? {
            Product::Standalone => return Err(Error::Standalone),
            _ if has_time => {}
            _ => {
                let reason = "it does not report the time of its operations".to_owned();
                return Err(Error::UnsupportedServer { reason });
            }
        }
    }
    let batch = reply
        .get_document("cursor")
        .and_then(|cursor| cursor.get_array("firstBatch"))
        .map_err(|_| Error::Corrupt {
            collection: None,
            id: fence::ID.to_owned(),
            problem: "the server's reply has no batch".to_owned(),
        })?;
    let found: Vec<&Document> = batch.iter().filter_map(Bson::as_document).collect();
    let named = |id: &str| {
        found.iter().copied().find(|found| found.get_str("_id").is_ok_and(|it| it == id))
    };
    let fence = named(fence::ID).filter(|fence| record::is_ours(fence));
    // With a fence of ours the collection is ours. Other documents in it are found when the
    // history is read.
    if fence.is_none()
        && let Some(foreign) = found.iter().find(|found| !record::is_ours(found))
    {
        let id = foreign.get("_id").map_or_else(|| "without".to_owned(), Bson::to_string);
        return Err(Error::Corrupt {
            collection: Some(control.collection.clone()),
            id: format!("the document with `_id` {id}"),
            problem: "was not written by mongrate: another tool's".to_owned(),
        });
    }
    let fence = fence.map(Fence::parse).transpose()?;
    let nobody = doc! {};
    let lock = named(LOCK_ID).unwrap_or(&nobody);
    Ok(Peek {
        #[cfg(feature = "http")]
        guards: fence.as_ref().map_or(0, |fence| fence.guards),
        applied: fence.and_then(|fence| fence.applied),
        lock: lease::parse(lock),
        held_for: lease::held_for(lock),
        left: if local_takeover { lease::abandoned(lock) } else { None },
        owner: lock.get_str("owner").ok().map(str::to_owned),
    })
}
