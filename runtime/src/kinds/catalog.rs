//! What the database says of its collections and indexes, and the commands that change them.

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
    /// What stays the same when it is renamed; views have none.
    pub uuid: Option<Bson>,
}

impl Collection {
    pub(super) fn is_plain(&self) -> bool {
        self.kind == "collection"
    }

    /// Whether its strings are compared otherwise than by their bytes, where nothing is said.
    pub(super) fn is_collated(&self) -> bool {
        options::collation(&self.options).is_some()
    }

    /// Why no batch of its documents can be changed in a transaction, if so.
    pub(crate) fn unwalkable(&self, name: &str) -> Option<String> {
        if !self.is_plain() {
            return Some(format!("`{name}` is a {}: its documents cannot be rewritten", self.kind));
        }
        self.is_capped().then(|| {
            format!("`{name}` is capped: the server rewrites no document of it in a transaction")
        })
    }

    /// What every document has to match. None if the server enforces nothing.
    pub(super) fn validator(&self) -> Option<&Document> {
        let option = |name| self.options.get_str(name).ok();
        let is_off = option("validationLevel") == Some("off");
        let warns = option("validationAction") == Some("warn");
        let validator = self.options.get_document("validator").ok();
        validator.filter(|validator| !validator.is_empty() && !is_off && !warns)
    }

    /// Whether it judges documents that did not match before.
    pub(super) fn judges_strictly(&self) -> bool {
        self.options.get_str("validationLevel").unwrap_or("strict") == "strict"
    }

    pub(super) fn is_capped(&self) -> bool {
        self.options.get_bool("capped").unwrap_or(false)
    }
}

/// A collection of the migrated database.
pub(crate) async fn collection(
    on: &mut Online<'_>,
    name: &str,
) -> Result<Option<Collection>, BoxError> {
    let found = collections(on, doc! { "name": name }).await?;
    Ok(found.into_iter().next().map(|(_, collection)| collection))
}

/// Whether this user may write documents that the validator of a collection does not judge
/// (`bypassDocumentValidation`). Asks with an update of no document.
pub(super) async fn may_bypass(on: &mut Online<'_>, name: &str) -> Result<bool, ServerError> {
    let nothing = doc! { "q": { "_id": { "$in": [] } }, "u": { "$set": { "x": 1 } } };
    let command = doc! { "update": name, "updates": [nothing], "bypassDocumentValidation": true };
    match on.engine().control.retrying(None, command).await {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some(code::UNAUTHORIZED) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The collections that match, by name.
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

/// The indexes of a collection, as `listIndexes` shows them; none if there is no collection.
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

/// The options of a collection; none if it is not there.
pub(super) async fn options(on: &mut Online<'_>, name: &str) -> Result<Document, BoxError> {
    Ok(collection(on, name).await?.map(|found| found.options).unwrap_or_default())
}

/// An index by its name.
pub(super) async fn index(
    on: &mut Online<'_>,
    collection: &str,
    name: &str,
) -> Result<Option<Document>, BoxError> {
    let found = indexes(on, collection).await?;
    Ok(found.into_iter().find(|index| index.get_str("name").is_ok_and(|found| found == name)))
}

/// Whether a collection holds no document; so does one that is not there.
pub(super) async fn is_empty(on: &mut Online<'_>, name: &str) -> Result<bool, BoxError> {
    let command =
        doc! { "find": name, "limit": 1, "singleBatch": true, "projection": { "_id": 1 } };
    let reply = on.engine().control.retrying(None, command).await?;
    Ok(first_batch(&reply).next().is_none())
}

/// What an aggregation returns, where that is little.
pub(super) async fn aggregate(
    on: &mut Online<'_>,
    collection: &str,
    pipeline: Vec<Document>,
) -> Result<Vec<Document>, BoxError> {
    let command = doc! {
        "aggregate": collection, "pipeline": pipeline, "cursor": { "batchSize": 1_000 },
    };
    let reply = on.engine().control.retrying(None, command).await?;
    Ok(first_batch(&reply).cloned().collect())
}

/// How many documents match.
pub(super) async fn count(
    on: &mut Online<'_>,
    collection: &str,
    filter: Document,
) -> Result<i64, BoxError> {
    let pipeline = vec![doc! { "$match": filter }, doc! { "$count": "n" }];
    let found = aggregate(on, collection, pipeline).await?;
    Ok(found.first().and_then(|found| crate::mongo::reply::number(found, "n")).unwrap_or(0))
}

/// Gives a collection another name. Done if the one with this `uuid` has it already.
pub(super) async fn rename(on: &mut Online<'_>, from: &str, to: &str) -> Result<(), ServerError> {
    let database = on.database().name().to_owned();
    let command = doc! {
        "renameCollection": format!("{database}.{from}"),
        "to": format!("{database}.{to}"),
    };
    on.ddl_as_admin(command).await
}

/// Whether the client takes part in the Stable API strictly: then the server refuses what is not
/// in it, as `renameCollection`. Asks with a command that changes nothing.
pub(super) async fn is_strict(on: &mut Online<'_>) -> Result<bool, ServerError> {
    let admin = on.database().client().database("admin");
    let control = Control { database: admin, ..on.engine().control.clone() };
    match control.retrying(None, doc! { "connectionStatus": 1 }).await {
        Err(error) if error.code() == Some(code::API_STRICT_ERROR) => Ok(true),
        // Whatever else it is, the command itself will say.
        _ => Ok(false),
    }
}

/// Drops a collection that is there or not.
pub(super) async fn drop(on: &mut Online<'_>, name: &str) -> Result<(), ServerError> {
    forgiving(on.ddl(doc! { "drop": name }).await, &[code::NAMESPACE_NOT_FOUND])
}

/// Success, if the server says one of these: it was done before.
pub(super) fn forgiving(
    outcome: Result<(), ServerError>,
    codes: &[i32],
) -> Result<(), ServerError> {
    match outcome {
        Err(error) if error.code().is_some_and(|code| codes.contains(&code)) => Ok(()),
        outcome => outcome,
    }
}
