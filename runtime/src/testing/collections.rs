//! The collections of a database with their indexes.

use futures_util::TryStreamExt as _;
use mongodb::{
    Database,
    bson::{Bson, Document, RawDocumentBuf, doc},
};

use super::error::TestError;
use crate::mongo::code;

/// A collection, view or time series, with its indexes.
#[derive(Clone, Debug)]
pub(super) struct Collection {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) options: Document,
    pub(super) uuid: Option<Bson>,
    /// All indexes but the usual one of `_id`.
    pub(super) indexes: Vec<Document>,
}

impl Collection {
    pub(super) fn is_plain(&self) -> bool {
        self.kind == "collection" && self.options.is_empty() && self.indexes.is_empty()
    }
}

/// Every collection but the server's own, by name; views last.
pub(super) async fn collections(database: &Database) -> Result<Vec<Collection>, TestError> {
    let act = "list the collections";
    let cursor = database.run_cursor_command(doc! { "listCollections": 1 }).await;
    let found: Vec<Document> = cursor
        .map_err(TestError::driver(act))?
        .try_collect()
        .await
        .map_err(TestError::driver(act))?;
    let mut all = Vec::with_capacity(found.len());
    for mut reply in found {
        let Ok(name) = reply.get_str("name").map(str::to_owned) else { continue };
        if name.starts_with("system.") {
            continue;
        }
        let kind = reply.get_str("type").unwrap_or("collection").to_owned();
        let uuid = reply.get_document("info").ok().and_then(|info| info.get("uuid")).cloned();
        let options = match reply.remove("options") {
            Some(Bson::Document(options)) => options,
            _ => Document::new(),
        };
        let indexes = match kind.as_str() {
            "view" => Vec::new(),
            _ => indexes(database, &name).await?,
        };
        all.push(Collection { name, kind, options, uuid, indexes });
    }
    all.sort_by(|one, other| {
        (one.kind == "view", &one.name).cmp(&(other.kind == "view", &other.name))
    });
    Ok(all)
}

async fn indexes(database: &Database, name: &str) -> Result<Vec<Document>, TestError> {
    let act = "list the indexes";
    let cursor = match database.run_cursor_command(doc! { "listIndexes": name }).await {
        Ok(cursor) => cursor,
        // The collection was dropped meanwhile.
        Err(error) if crate::mongo::driver::code(&error) == Some(code::NAMESPACE_NOT_FOUND) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(TestError::driver(act)(error)),
    };
    let all: Vec<Document> = cursor.try_collect().await.map_err(TestError::driver(act))?;
    let mut wanted: Vec<Document> = all
        .into_iter()
        .filter(|index| {
            let is_id = index
                .get_document("key")
                .is_ok_and(|key| key.len() == 1 && key.contains_key("_id"));
            !is_id
        })
        .map(|mut index| {
            index.remove("ns");
            index
        })
        .collect();
    wanted.sort_by_key(|index| index.get_str("name").unwrap_or_default().to_owned());
    Ok(wanted)
}

/// The documents, in their natural order.
pub(super) async fn documents(
    database: &Database,
    name: &str,
) -> Result<Vec<RawDocumentBuf>, TestError> {
    let act = "read the documents";
    let cursor = database.collection::<RawDocumentBuf>(name).find(doc! {}).await;
    cursor.map_err(TestError::driver(act))?.try_collect().await.map_err(TestError::driver(act))
}
