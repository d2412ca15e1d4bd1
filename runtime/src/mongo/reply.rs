//! Fields of a server's reply.

use mongodb::bson::{Bson, Document};

use super::fields::{self, Fields as _};

/// A count in a reply, whichever integer type it has; 0 if it is absent.
pub(crate) fn count(reply: &Document, key: &str) -> u64 {
    match reply.get(key) {
        Some(Bson::Int32(number)) => u64::try_from(*number).unwrap_or(0),
        Some(Bson::Int64(number)) => u64::try_from(*number).unwrap_or(0),
        _ => 0,
    }
}

/// How many documents an `update` matched or inserted.
pub(crate) fn touched(reply: &Document) -> i64 {
    number(reply, "n").unwrap_or(0)
}

/// A whole number of any number type, without loss.
pub(crate) fn number(document: &Document, key: &str) -> Option<i64> {
    document.number(key)
}

/// A count that Mongrate stored. `None` also for one that nothing counts up to.
pub(crate) fn stored_count(document: &Document, key: &str) -> Option<i64> {
    fields::counted(number(document, key)?)
}

/// The size of the storage engine's cache in bytes, by the answer to `serverStatus`.
pub(crate) fn cache_bytes(status: &Document) -> Option<u64> {
    let cache = status.get_document("wiredTiger").ok()?.get_document("cache").ok()?;
    u64::try_from(number(cache, "maximum bytes configured")?).ok()
}

/// The documents in the first batch of a cursor; none if the reply has no cursor.
pub(crate) fn first_batch(reply: &Document) -> impl Iterator<Item = &Document> {
    reply
        .get_document("cursor")
        .and_then(|cursor| cursor.get_array("firstBatch"))
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .filter_map(Bson::as_document)
}
