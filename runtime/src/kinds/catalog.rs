//! The collections and indexes of the migrated database, and the commands that change them.

use mongodb::bson::{Bson, Document, doc};

use super::online::Online;
use crate::{
    model::result::BoxError,
    mongo::{code, options, reply::first_batch, server_error::ServerError},
    protocol::control::Control,
};

/// A collection, as `listCollections` shows it.
#[derive(Clone, Debug)]
pub(crate) struct Collection {
    /// `collection`, `view` or `timeseries`.
    pub kind: String,
    pub options: Document,
    /// The identity, which stays the same when the collection is renamed; views have none.
    pub uuid: Option<Bson>,
}

impl Collection {
    pub(super) fn is_plain(&self) -> bool {
        self.kind == "collection"
    }

    /// Whether the default collation compares strings otherwise than by their bytes.
    pub(super) fn is_collated(&self) -> bool {
        options::collation(&self.options).is_some()
    }

    /// Why the documents cannot be changed in a transaction; `None` if they can.
    pub(crate) fn unwalkable(&self, name: &str) -> Option<String> {
        if !self.is_plain() {
            return Some(format!("`{name}` is a {}: its documents cannot be rewritten", self.kind));
        }
        self.is_capped().then(|| {
            format!("`{name}` is capped: the server rewrites no document of it in a transaction")
        })
    }

    /// The validator that the server enforces. `None` if it enforces none.
    pub(super) fn validator(&self) -> Option<&Document> {
        let option = |name| self.options.get_str(name).ok();
        let is_off = option("validationLevel") == Some("off");
        let warns = option("validationAction") == Some("warn");
        let validator = self.options.get_document("validator").ok();
        validator.filter(|validator| !validator.is_empty() && !is_off && !warns)
    }

    /// Whether the validator also checks updates of documents that did not match before.
    pub(super) fn judges_strictly(&self) -> bool {
        self.options.get_str("validationLevel").unwrap_or("strict") == "strict"
    }

    pub(super) fn is_capped(&self) -> bool {
        self.options.get_bool("capped").unwrap_or(false)
    }
}

/// Returns a collection of the migrated database; `None` if there is no such collection.
pub(crate) async fn collection(
    on: &mut Online<'_>,
    name: &str,
) -> Result<Option<Collection>, BoxError> {
    let found = collections(on, doc! { "name": name }).await?;
    Ok(found.into_iter().next().map(|(_, collection)| collection))
}

/// Returns the entry of a collection in the cluster's own configuration, if it is sharded. From MongoDB 8.0
/// on there are entries of others, too, and of those that were sharded. No round trip on a replica set.
pub(super) async fn sharded(
    on: &mut Online<'_>,
    name: &str,
) -> Result<Option<Document>, ServerError> {
    if on.engine().in_replica_set() {
        return Ok(None);
    }
    let filter = doc! {
        "_id": format!("{}.{name}", on.database().name()), "dropped": { "$ne": true },
        "unsplittable": { "$ne": true },
    };
    let found = of_the_cluster(on, "collections", filter).await?;
    Ok(found.into_iter().next())
}

/// Returns the documents of the cluster's own configuration that match.
pub(super) async fn of_the_cluster(
    on: &mut Online<'_>,
    collection: &str,
    filter: Document,
) -> Result<Vec<Document>, ServerError> {
    let config = on.database().client().database("config");
    let control = Control { database: config, ..on.engine().control.clone() };
    let command = doc! { "find": collection, "filter": filter, "batchSize": 10_000 };
    let reply = control.retrying(None, command).await?;
    Ok(first_batch(&reply).cloned().collect())
}

/// Whether this user may write documents past the validator of a collection
/// (`bypassDocumentValidation`). Asks with an update that changes no document.
pub(super) async fn may_bypass(on: &mut Online<'_>, name: &str) -> Result<bool, ServerError> {
    let nothing = doc! { "q": { "_id": { "$in": [] } }, "u": { "$set": { "x": 1 } } };
    let command = doc! { "update": name, "updates": [nothing], "bypassDocumentValidation": true };
    match on.engine().control.retrying(None, command).await {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some(code::UNAUTHORIZED) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns the collections that match, with their names.
async fn collections(
    on: &mut Online<'_>,
    filter: Document,
) -> Result<Vec<(String, Collection)>, BoxError> {
    let command = doc! {
        "listCollections": 1, "filter": filter, "cursor": { "batchSize": 1_000 },
    };
    let reply = on.engine().control.retrying(None, command).await?;
    let collections = first_batch(&reply).map(|found| {
        let uuid = found.get_document("info").ok().and_then(|info| info.get("uuid")).cloned();
        let collection = Collection {
            kind: found.get_str("type").unwrap_or("collection").to_owned(),
            options: found.get_document("options").cloned().unwrap_or_default(),
            uuid,
        };
        (found.get_str("name").unwrap_or_default().to_owned(), collection)
    });
    Ok(collections.collect())
}

/// Returns the indexes of a collection, as `listIndexes` shows them; none if there is no such
/// collection.
pub(super) async fn indexes(
    on: &mut Online<'_>,
    collection: &str,
) -> Result<Vec<Document>, BoxError> {
    let command = doc! { "listIndexes": collection, "cursor": { "batchSize": 1_000 } };
    match on.engine().control.retrying(None, command).await {
        Ok(reply) => Ok(first_batch(&reply).cloned().collect()),
        Err(error) if error.code() == Some(code::NAMESPACE_NOT_FOUND) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Returns the options of a collection; none if there is no such collection.
pub(super) async fn options(on: &mut Online<'_>, name: &str) -> Result<Document, BoxError> {
    Ok(collection(on, name).await?.map(|found| found.options).unwrap_or_default())
}

/// Returns the index with this name.
pub(super) async fn index(
    on: &mut Online<'_>,
    collection: &str,
    name: &str,
) -> Result<Option<Document>, BoxError> {
    let found = indexes(on, collection).await?;
    Ok(found.into_iter().find(|index| index.get_str("name").is_ok_and(|found| found == name)))
}

/// Whether a collection has no documents; also true if there is no such collection.
pub(super) async fn is_empty(on: &mut Online<'_>, name: &str) -> Result<bool, BoxError> {
    let command =
        doc! { "find": name, "limit": 1, "singleBatch": true, "projection": { "_id": 1 } };
    let reply = on.engine().control.retrying(None, command).await?;
    Ok(first_batch(&reply).next().is_none())
}

/// Returns the result of an aggregation, which must fit one batch.
pub(super) async fn aggregate(
    on: &mut Online<'_>,
    collection: &str,
    pipeline: Vec<Document>,
) -> Result<Vec<Document>, BoxError> {
    let command = aggregate_command(collection, pipeline);
    let reply = on.engine().control.retrying(None, command).await?;
    Ok(first_batch(&reply).cloned().collect())
}

/// The command of an aggregation with few results.
pub(super) fn aggregate_command(collection: &str, pipeline: Vec<Document>) -> Document {
    doc! { "aggregate": collection, "pipeline": pipeline, "cursor": { "batchSize": 1_000 } }
}

/// Counts the documents that match.
pub(super) async fn count(
    on: &mut Online<'_>,
    collection: &str,
    filter: Document,
) -> Result<i64, BoxError> {
    let pipeline = vec![doc! { "$match": filter }, doc! { "$count": "n" }];
    let found = aggregate(on, collection, pipeline).await?;
    Ok(found.first().and_then(|found| crate::mongo::reply::number(found, "n")).unwrap_or(0))
}

/// Renames a collection.
pub(super) async fn rename(on: &mut Online<'_>, from: &str, to: &str) -> Result<(), ServerError> {
    let database = on.database().name().to_owned();
    let command = doc! {
        "renameCollection": format!("{database}.{from}"),
        "to": format!("{database}.{to}"),
    };
    on.ddl_as_admin(command).await
}

/// Whether the client uses the Stable API strictly (`apiStrict`): the server then refuses commands
/// that are not in the Stable API, such as `renameCollection`. Asks with a command that changes
/// nothing.
pub(super) async fn is_strict(on: &mut Online<'_>) -> Result<bool, ServerError> {
    let admin = on.database().client().database("admin");
    let control = Control { database: admin, ..on.engine().control.clone() };
    match control.retrying(None, doc! { "connectionStatus": 1 }).await {
        Err(error) if error.code() == Some(code::API_STRICT_ERROR) => Ok(true),
        // If anything else is wrong, the migration's own command fails with the reason.
        _ => Ok(false),
    }
}

/// Drops a collection. Does nothing if there is no such collection.
pub(super) async fn drop(on: &mut Online<'_>, name: &str) -> Result<(), ServerError> {
    forgiving(on.ddl(doc! { "drop": name }).await, &[code::NAMESPACE_NOT_FOUND])
}

/// Turns an error with one of these codes into success: the command was done before.
pub(super) fn forgiving(
    outcome: Result<(), ServerError>,
    codes: &[i32],
) -> Result<(), ServerError> {
    match outcome {
        Err(error) if error.code().is_some_and(|code| codes.contains(&code)) => Ok(()),
        outcome => outcome,
    }
}
