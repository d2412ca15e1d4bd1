//! Reads the live schema: `listCollections`, and `listIndexes` for each collection.
//!
//! The server's `$listCatalog` would answer in one round trip, but for a whole database it needs rights
//! on the cluster, and server 6.0.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mongodb::bson::{Document, doc};

use crate::{
    kinds::change::keep,
    model::{error::Error, ignore::IgnoreList},
    mongo::{code, reply::number, server_error::ServerError},
    protocol::{control::Control, retry::Backoff},
};

/// How many collections are asked for their indexes at once.
const AT_ONCE: usize = 8;

/// A collection, a view or a time series of the database.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveCollection {
    pub(crate) name: String,
    /// `collection`, `view` or `timeseries`.
    pub(crate) kind: String,
    pub(crate) options: Document,
    /// The indexes that somebody made: neither that on `_id` nor that of a time series.
    pub(crate) indexes: Vec<Document>,
}

impl LiveCollection {
    /// The validator; `None` if there is none, or an empty one.
    pub(crate) fn validator(&self) -> Option<&Document> {
        let validator = self.options.get_document("validator").ok();
        validator.filter(|validator| !validator.is_empty())
    }

    /// Whether the server made the index by itself.
    fn has_of_itself(&self, index: &Document) -> bool {
        let Ok(key) = index.get_document("key") else { return true };
        // Since MongoDB 6.3: https://www.mongodb.com/docs/manual/core/timeseries/timeseries-index/
        let series = self.options.get_document("timeseries").ok();
        let of_the_series = series.is_some_and(|series| {
            match (series.get_str("metaField"), series.get_str("timeField")) {
                (Ok(meta), Ok(time)) => {
                    let is_up = |field| number(key, field) == Some(1);
                    key.keys().eq([meta, time]) && is_up(meta) && is_up(time)
                }
                _ => false,
            }
        });
        of_the_series || (key.len() == 1 && key.contains_key("_id"))
    }
}

/// Returns the collections of the database, sorted by name, without those of the server, those of
/// Mongrate, and those that are ignored.
pub(crate) async fn collections(
    control: &Control,
    ignored: &IgnoreList,
) -> Result<Vec<LiveCollection>, Error> {
    let read = |error| Error::server("read the schema", error);
    let found = all(control, doc! { "listCollections": 1 }).await.map_err(read)?;
    let mut collections: Vec<LiveCollection> = found
        .iter()
        .filter_map(|found| {
            Some(LiveCollection {
                name: found.get_str("name").ok()?.to_owned(),
                kind: found.get_str("type").unwrap_or("collection").to_owned(),
                options: found.get_document("options").cloned().unwrap_or_default(),
                indexes: Vec::new(),
            })
        })
        .filter(|found| !found.name.starts_with("system."))
        .filter(|found| !keep::is_ours(&found.name, &control.collection))
        .filter(|found| !ignored.hides_collection(&found.name))
        .collect();
    collections.sort_by(|one, other| one.name.cmp(&other.name));
    let with_indexes = collections.into_iter().map(async |mut collection| {
        if collection.kind != "view" {
            collection.indexes = indexes(control, &collection).await?;
        }
        Ok(collection)
    });
    stream::iter(with_indexes).buffered(AT_ONCE).try_collect().await.map_err(read)
}

async fn indexes(
    control: &Control,
    collection: &LiveCollection,
) -> Result<Vec<Document>, ServerError> {
    let mut found = match all(control, doc! { "listIndexes": &collection.name }).await {
        Ok(found) => found,
        // The collection was dropped meanwhile.
        Err(error) if error.code() == Some(code::NAMESPACE_NOT_FOUND) => Vec::new(),
        Err(error) => return Err(error),
    };
    found.retain(|index| !collection.has_of_itself(index));
    let name = |index: &Document| index.get_str("name").unwrap_or_default().to_owned();
    found.sort_by_key(name);
    Ok(found)
}

/// Returns all documents of a cursor. Tries again if the network or an election gets in the way.
pub(crate) async fn all(
    control: &Control,
    command: Document,
) -> Result<Vec<Document>, ServerError> {
    let mut backoff = Backoff::new(control.retries);
    loop {
        let cursor = control.database.run_cursor_command(command.clone()).await;
        let found: Result<Vec<Document>, ServerError> = match cursor {
            Ok(cursor) => cursor.try_collect().await.map_err(ServerError::from),
            Err(error) => Err(error.into()),
        };
        match found {
            Err(error) if backoff.again_after(&error).await => {}
            found => return found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_makes_of_itself_is_no_index_of_somebody() {
        let plain = LiveCollection::default();
        assert!(plain.has_of_itself(&doc! { "key": { "_id": 1 } }));
        assert!(!plain.has_of_itself(&doc! { "key": { "at": 1 } }));
        let options = doc! { "timeseries": { "timeField": "at", "metaField": "room" } };
        let series = LiveCollection { options, ..plain };
        assert!(series.has_of_itself(&doc! { "key": { "room": 1, "at": 1 } }));
        assert!(!series.has_of_itself(&doc! { "key": { "at": 1, "room": 1 } }));
        assert!(!series.has_of_itself(&doc! { "key": { "room": 1, "at": -1 } }));
        assert!(!series.has_of_itself(&doc! { "key": { "room.floor": 1, "at": 1 } }));
        assert!(!series.has_of_itself(&doc! { "key": { "room": 1, "at": -1, "x": 1 } }));
    }
}
