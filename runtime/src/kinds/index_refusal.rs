//! Names the documents that kept an index from being built, after another look at the collection.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use mongodb::{
    Database, IndexModel,
    bson::{Bson, Deserializer, Document, doc},
    options::Collation,
};
use serde::Deserialize as _;

use crate::{
    model::result::BoxError,
    mongo::{about::InDocuments, refusal::NAMED_MAX, server_error},
};

/// The most time that looking for the documents may take.
const WAIT: Duration = Duration::from_secs(60);

/// The index that was to be built.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub keys: Document,
    pub collation: Option<Collation>,
    pub partial_filter: Option<Document>,
    pub sparse: bool,
}

impl Wanted {
    /// Takes the index from the driver's type.
    pub(crate) fn from_model(model: &IndexModel) -> Self {
        let options = model.options.clone().unwrap_or_default();
        Self {
            keys: model.keys.clone(),
            collation: options.collation,
            partial_filter: options.partial_filter_expression,
            sparse: options.sparse.unwrap_or(false),
        }
    }

    /// Takes the index from a document of `createIndexes`.
    pub(crate) fn from_spec(spec: &Document) -> Self {
        let collation = spec.get_document("collation").ok().and_then(|collation| {
            Collation::deserialize(Deserializer::new(Bson::Document(collation.clone()))).ok()
        });
        Self {
            keys: spec.get_document("key").cloned().unwrap_or_default(),
            collation,
            partial_filter: spec.get_document("partialFilterExpression").ok().cloned(),
            sparse: spec.get_bool("sparse").unwrap_or(false),
        }
    }
}

/// Adds the `_id`s of the documents to the error of an index build, if documents are its cause.
pub(crate) async fn named(
    database: &Database,
    collection: &str,
    wanted: Wanted,
    error: BoxError,
) -> BoxError {
    let known = server_error::details_in(error.as_ref()).unwrap_or_default();
    let (ids, problem) = match server_error::code_in(error.as_ref()) {
        // DuplicateKey.
        Some(11_000) => {
            let mut ids = Vec::new();
            if let Some(key) = known.key.filter(|_| wanted.collation.is_none()) {
                ids = with(database, collection, &wanted, key).await;
            }
            if ids.len() < 2 {
                ids = duplicates(database, collection, &wanted).await;
            }
            (ids, "have the same key")
        }
        // CannotIndexParallelArrays.
        Some(171) => {
            let arrays = wanted.keys.keys().map(|key| doc! { key: { "$type": "array" } });
            let pairs: Vec<Document> = arrays.collect();
            let both = match pairs.as_slice() {
                [first, second] => doc! { "$and": [first.clone(), second.clone()] },
                _ => return error,
            };
            (with(database, collection, &wanted, both).await, "have an array in both fields")
        }
        _ => return error,
    };
    if ids.is_empty() {
        return error;
    }
    let ids: Vec<String> = ids.iter().map(Bson::to_string).collect();
    let text = format!(
        "documents of `{collection}` {problem} (`_id` {}), so the index was not built, and nothing \
         was changed; fix these documents, and run it again",
        ids.join(", ")
    );
    Box::new(InDocuments { text, ids, source: error })
}

/// The filters of the documents that the index would hold.
fn indexed(wanted: &Wanted) -> Vec<Document> {
    let mut filters: Vec<Document> = wanted.partial_filter.clone().into_iter().collect();
    if wanted.sparse {
        let exists = wanted.keys.keys().map(|key| doc! { key: { "$exists": true } });
        filters.push(doc! { "$or": exists.collect::<Vec<_>>() });
    }
    filters
}

/// Returns the `_id`s of some documents that match and that the index would hold.
async fn with(
    database: &Database,
    collection: &str,
    wanted: &Wanted,
    filter: Document,
) -> Vec<Bson> {
    let mut filters = indexed(wanted);
    filters.push(filter);
    let found = database
        .collection::<Document>(collection)
        .find(doc! { "$and": filters })
        .projection(doc! { "_id": 1 })
        .limit(i64::from(NAMED_MAX))
        .max_time(WAIT)
        .await;
    let Ok(found) = found else { return Vec::new() };
    let found: Vec<Document> = found.try_collect().await.unwrap_or_default();
    found.into_iter().filter_map(|mut document| document.remove("_id")).collect()
}

/// Returns the `_id`s of two documents with the same key. Keys are compared as the index compares
/// them: by its collation, each element of an array for itself, a missing field as null.
async fn duplicates(database: &Database, collection: &str, wanted: &Wanted) -> Vec<Bson> {
    let mut pipeline: Vec<Document> =
        indexed(wanted).into_iter().map(|filter| doc! { "$match": filter }).collect();
    let names: Vec<String> = (0..wanted.keys.len()).map(|at| format!("k{at}")).collect();
    let mut project = doc! { "_id": 1 };
    let mut key = Document::new();
    for (name, path) in names.iter().zip(wanted.keys.keys()) {
        project.insert(name.as_str(), format!("${path}"));
        key.insert(name.as_str(), doc! { "$ifNull": [format!("${name}"), Bson::Null] });
    }
    pipeline.push(doc! { "$project": project });
    for name in &names {
        let unwind = doc! { "path": format!("${name}"), "preserveNullAndEmptyArrays": true };
        pipeline.push(doc! { "$unwind": unwind });
    }
    pipeline.extend([
        doc! { "$group": { "_id": key, "a": { "$min": "$_id" }, "b": { "$max": "$_id" } } },
        doc! { "$match": { "$expr": { "$ne": ["$a", "$b"] } } },
        doc! { "$limit": 1 },
        doc! { "$project": { "_id": 0, "a": 1, "b": 1 } },
    ]);
    let collection = database.collection::<Document>(collection);
    let mut search = collection.aggregate(pipeline).allow_disk_use(true).max_time(WAIT);
    if let Some(collation) = wanted.collation.clone() {
        search = search.collation(collation);
    }
    let Ok(mut found) = search.await else { return Vec::new() };
    match found.try_next().await {
        Ok(Some(mut pair)) => ["a", "b"].iter().filter_map(|key| pair.remove(key)).collect(),
        _ => Vec::new(),
    }
}
