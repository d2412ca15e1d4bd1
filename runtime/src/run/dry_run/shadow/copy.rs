//! Copies the schema, a sample of the documents, and the history. Reads the source only.
//!
//! A record of a declared migration names collections by their UUIDs, and the copy of a collection
//! has another one: the history is copied last, with the copies' UUIDs.

use std::collections::HashMap;

use futures_util::TryStreamExt as _;
use mongodb::{
    Database,
    bson::{Binary, Bson, Document, RawDocumentBuf, doc, spec::BinarySubtype},
    options::AggregateOptions,
};

use super::scratch::{MARKER, forbidden};
use crate::{
    model::error::Error,
    mongo::{options::to_rebuild, server_error::ServerError},
    protocol::{control::Control, documents::LOCK_ID, fence},
};

/// How many documents are sent at a time; the driver splits what is over 48 MB.
const BATCH: usize = 500;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Copied {
    pub(super) collections: usize,
    pub(super) documents: u64,
}

/// A collection or view, as `listCollections` shows it.
struct Found {
    name: String,
    kind: String,
    options: Document,
    /// A view has none.
    uuid: Option<Binary>,
}

pub(super) async fn all(source: &Control, to: &Database, sample: u32) -> Result<Copied, Error> {
    let from = &source.database;
    let mut copied = Copied::default();
    let there = list(from).await?;
    for found in there.iter().filter(|found| found.name != source.collection) {
        create(to, found).await?;
        copied.collections += 1;
        if found.kind == "view" {
            continue;
        }
        indexes(from, to, found).await?;
        if sample > 0 {
            copied.documents += documents(from, to, found, sample).await?;
        }
        validate(to, found).await?;
    }
    history(source, to, &twins(&there, &list(to).await?)).await?;
    Ok(copied)
}

/// Collections first, views last; without the server's own.
async fn list(from: &Database) -> Result<Vec<Found>, Error> {
    let act = "list the collections";
    let cursor = from
        .run_cursor_command(doc! { "listCollections": 1 })
        .await
        .map_err(|error| Error::server(act, error))?;
    let all: Vec<Document> =
        cursor.try_collect().await.map_err(|error| Error::server(act, error))?;
    let mut found: Vec<Found> = all
        .into_iter()
        .filter_map(|mut one| {
            let name = one.get_str("name").ok()?.to_owned();
            let kind = one.get_str("type").unwrap_or("collection").to_owned();
            let options = match one.remove("options") {
                Some(Bson::Document(options)) => options,
                _ => Document::new(),
            };
            let uuid = match one.get_document_mut("info").ok().and_then(|info| info.remove("uuid"))
            {
                Some(Bson::Binary(uuid)) => Some(uuid),
                _ => None,
            };
            let own = name.starts_with("system.") || name == MARKER;
            (!own).then_some(Found { name, kind, options, uuid })
        })
        .collect();
    found.sort_by_key(|one| one.kind == "view");
    Ok(found)
}

async fn create(to: &Database, found: &Found) -> Result<(), Error> {
    let mut command = doc! { "create": &found.name };
    for (key, value) in &found.options {
        match key.as_str() {
            // Documents that fail it are copied too; it is set afterwards.
            "validator" | "validationLevel" | "validationAction" => {}
            _ => {
                command.insert(key, value.clone());
            }
        }
    }
    if let Ok(series) = command.get_document_mut("timeseries")
        && series.contains_key("granularity")
    {
        // It follows from the granularity, and some servers refuse both.
        series.remove("bucketMaxSpanSeconds");
    }
    to.run_command(command).await.map(drop).map_err(|error| forbidden(to.name(), error))
}

async fn indexes(from: &Database, to: &Database, found: &Found) -> Result<(), Error> {
    let act = "list the indexes";
    let cursor = from
        .run_cursor_command(doc! { "listIndexes": &found.name })
        .await
        .map_err(|error| Error::server(act, error))?;
    let all: Vec<Document> =
        cursor.try_collect().await.map_err(|error| Error::server(act, error))?;
    let wanted: Vec<Document> = all
        .into_iter()
        .filter(|index| {
            let is_id = index.get_document("key").is_ok_and(|key| {
                key.len() == 1 && key.contains_key("_id") && !index.contains_key("clustered")
            });
            !is_id && !index.get_bool("clustered").unwrap_or(false)
        })
        .map(|index| to_rebuild(index, &found.options))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let command = doc! { "createIndexes": &found.name, "indexes": wanted };
    to.run_command(command).await.map(drop).map_err(|error| forbidden(to.name(), error))
}

/// A random sample, in batches: memory is bounded whatever the sample.
async fn documents(
    from: &Database,
    to: &Database,
    found: &Found,
    sample: u32,
) -> Result<u64, Error> {
    let act = "copy a sample of the documents";
    let failed = |error| Error::server(act, ServerError::from(error));
    let options = AggregateOptions::builder().allow_disk_use(true).build();
    let mut cursor = from
        .collection::<RawDocumentBuf>(&found.name)
        .aggregate([doc! { "$sample": { "size": i64::from(sample) } }])
        .with_options(options)
        .with_type::<RawDocumentBuf>()
        .await
        .map_err(failed)?;
    let target = to.collection::<RawDocumentBuf>(&found.name);
    let mut batch = Vec::with_capacity(BATCH);
    let mut count = 0;
    while let Some(document) = cursor.try_next().await.map_err(failed)? {
        batch.push(document);
        if batch.len() == BATCH {
            count += send(&target, &mut batch).await?;
        }
    }
    count += send(&target, &mut batch).await?;
    Ok(count)
}

async fn send(
    target: &mongodb::Collection<RawDocumentBuf>,
    batch: &mut Vec<RawDocumentBuf>,
) -> Result<u64, Error> {
    if batch.is_empty() {
        return Ok(0);
    }
    // `$sample` may hand out a document twice: the second is no error.
    let sent = target.insert_many(&*batch).ordered(false).await;
    let count = batch.len();
    batch.clear();
    let missing = match sent {
        Ok(_) => 0,
        Err(error) => match &*error.kind {
            mongodb::error::ErrorKind::InsertMany(many)
                if many.write_concern_error.is_none()
                    && many
                        .write_errors
                        .as_ref()
                        .is_some_and(|errors| errors.iter().all(|error| error.code == 11_000)) =>
            {
                many.write_errors.as_ref().map_or(0, Vec::len)
            }
            _ => {
                return Err(Error::server(
                    "copy a sample of the documents",
                    ServerError::from(error),
                ));
            }
        },
    };
    u64::try_from(count - missing).map_or(Ok(0), Ok)
}

async fn validate(to: &Database, found: &Found) -> Result<(), Error> {
    let mut command = doc! { "collMod": &found.name };
    for key in ["validator", "validationLevel", "validationAction"] {
        if let Some(value) = found.options.get(key) {
            command.insert(key, value.clone());
        }
    }
    if command.len() == 1 {
        return Ok(());
    }
    to.run_command(command).await.map(drop).map_err(|error| forbidden(to.name(), error))
}

/// Each collection's UUID with that of its copy.
fn twins(there: &[Found], copies: &[Found]) -> HashMap<Vec<u8>, Binary> {
    let copies: HashMap<&str, &Found> =
        copies.iter().map(|copy| (copy.name.as_str(), copy)).collect();
    there
        .iter()
        .filter_map(|found| {
            let copy = copies.get(found.name.as_str())?;
            Some((found.uuid.as_ref()?.bytes.clone(), copy.uuid.clone()?))
        })
        .collect()
}

/// Puts the copies' UUIDs in place of the originals', wherever they are.
fn rename(value: &mut Bson, twins: &HashMap<Vec<u8>, Binary>) {
    match value {
        Bson::Binary(uuid) if uuid.subtype == BinarySubtype::Uuid => {
            if let Some(twin) = twins.get(&uuid.bytes) {
                *uuid = twin.clone();
            }
        }
        Bson::Document(inner) => inner.iter_mut().for_each(|(_, value)| rename(value, twins)),
        Bson::Array(inner) => inner.iter_mut().for_each(|value| rename(value, twins)),
        _ => {}
    }
}

/// The records and the fence. Not the lock: nobody holds it there.
async fn history(
    source: &Control,
    to: &Database,
    twins: &HashMap<Vec<u8>, Binary>,
) -> Result<(), Error> {
    let read = |error| Error::server("read the history", error);
    let mut all =
        source.find(None, doc! { "_id": { "$ne": LOCK_ID } }, doc! {}).await.map_err(read)?;
    for document in &mut all {
        if document.get_str("_id").is_ok_and(|id| id == fence::ID) {
            document.insert("fence", 0_i64);
            document.remove("lsid");
        }
        if let Some(undo) = document.get_mut("undo") {
            rename(undo, twins);
        }
    }
    if all.is_empty() {
        return Ok(());
    }
    let write = |error| Error::server("copy the history", ServerError::from(error));
    to.collection::<Document>(&source.collection).insert_many(all).await.map_err(write)?;
    Ok(())
}
