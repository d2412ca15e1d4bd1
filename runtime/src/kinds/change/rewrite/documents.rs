//! Reads documents into this process, in the transaction of a batch.

use mongodb::bson::{Document, doc};

use crate::{
    kinds::backfill::work::Batch,
    model::{numbers::counted, result::BoxError},
    mongo::refusal,
};

/// Returns the documents of the batch's collection that match, in the order of their `_id`.
pub(super) async fn read(
    batch: &mut Batch<'_>,
    filter: Document,
) -> Result<Vec<Document>, BoxError> {
    find(batch, batch.collection, filter, doc! {}).await
}

pub(crate) async fn find(
    batch: &mut Batch<'_>,
    collection: &str,
    filter: Document,
    projection: Document,
) -> Result<Vec<Document>, BoxError> {
    let mut command = find_command(collection, filter);
    command.insert("projection", projection);
    batch.read(command).await
}

/// The command that finds documents, in the order of their `_id`.
pub(crate) fn find_command(collection: &str, filter: Document) -> Document {
    doc! { "find": collection, "filter": filter, "sort": { "_id": 1 } }
}

pub(crate) fn aggregate_command(collection: &str, pipeline: Vec<Document>) -> Document {
    doc! { "aggregate": collection, "pipeline": pipeline, "cursor": {} }
}

/// Runs an aggregation over the batch's collection.
pub(super) async fn aggregate(
    batch: &mut Batch<'_>,
    pipeline: Vec<Document>,
) -> Result<Vec<Document>, BoxError> {
    batch.read(aggregate_command(batch.collection, pipeline)).await
}

pub(crate) fn counted_documents(count: i64) -> String {
    counted(u64::try_from(count).unwrap_or(0), "document")
}

/// Some `_id`s, as an error names them.
pub(crate) fn ids(documents: &[Document]) -> String {
    format!("_id {}", refusal::ids(documents))
}
