//! Reads what the lints judge by. Bounded in time; writes nothing.

use std::collections::HashMap;

use mongodb::bson::{Bson, Document, doc};

use super::{
    LintLimits,
    judge::{Duplicates, Facts, Failing, Index, Operation, THE_VALIDATOR, is_within, names},
};
use crate::{
    Error, ServerError,
    command::{Control, number},
    visible::Line,
};

/// How long the server may work at one question, in milliseconds.
const READ_MS_MAX: i64 = 15_000;

/// How many are counted before it is "more than".
const COUNT_MAX: usize = 1_000;

/// How many are shown.
const SHOWN: usize = 5;

/// Reads each collection's size once.
pub(super) struct Reader<'a> {
    control: &'a Control,
    limits: LintLimits,
    sizes: HashMap<String, u64>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(control: &'a Control, limits: LintLimits) -> Self {
        Self { control, limits, sizes: HashMap::new() }
    }

    pub(super) async fn facts(&mut self, operation: &Operation) -> Result<Facts, Error> {
        let mut facts = Facts::default();
        match operation {
            Operation::Write { seen: Some(_), .. } | Operation::Write { collection: None, .. } => {}
            Operation::Write { collection: Some(collection), seen: None }
            | Operation::RenameField { collection, .. }
            | Operation::RenameCollection { from: collection, .. } => {
                facts.documents = self.documents(collection).await?;
            }
            Operation::DropIndex { .. } => {}
            Operation::CreateIndex(index) => {
                facts.documents = self.documents(&index.collection).await?;
                if index.unique && facts.documents > 0 {
                    facts.duplicates = self.duplicates(index).await?;
                }
            }
            Operation::RemoveField { collection, field } => {
                facts.named_by = self.named_by(collection, field).await?;
            }
            Operation::SetValidator { collection, validator, strict } => {
                facts.documents = self.documents(collection).await?;
                if *strict && facts.documents > 0 && !validator.is_empty() {
                    facts.failing = self.failing(collection, validator).await?;
                }
            }
        }
        Ok(facts)
    }

    /// About how many documents there are, from the collection's metadata: no scan.
    async fn documents(&mut self, collection: &str) -> Result<u64, Error> {
        if let Some(known) = self.sizes.get(collection) {
            return Ok(*known);
        }
        let command = doc! { "count": collection, "maxTimeMS": READ_MS_MAX };
        let count = match self.ask(command, collection).await? {
            Some(reply) => number(&reply, "n").and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
            None => 0,
        };
        self.sizes.insert(collection.to_owned(), count);
        Ok(count)
    }

    /// Keys that a unique index would refuse, as the server sees them: a missing field is a
    /// null, each element of an array is a key, and a document does not clash with itself.
    async fn duplicates(&self, index: &Index) -> Result<Option<Duplicates>, Error> {
        let mut pipeline = Vec::new();
        if let Some(partial) = &index.partial {
            pipeline.push(doc! { "$match": partial.clone() });
        }
        if index.sparse {
            let any: Vec<Document> =
                index.keys.keys().map(|key| doc! { key: { "$exists": true } }).collect();
            pipeline.push(doc! { "$match": { "$or": any } });
        }
        let (mut values, mut key) = (Document::new(), Document::new());
        let mut unwinds = Vec::new();
        for (at, field) in index.keys.keys().enumerate() {
            let name = format!("k{at}");
            values.insert(&name, doc! { "$ifNull": [format!("${field}"), null_literal()] });
            key.insert(&name, format!("${name}"));
            unwinds.push(doc! { "$unwind": {
                "path": format!("${name}"), "preserveNullAndEmptyArrays": true,
            } });
        }
        let mut once = key.clone();
        once.insert("of", "$_id");
        pipeline.push(doc! { "$project": values });
        pipeline.extend(unwinds);
        pipeline.push(doc! { "$group": { "_id": once } });
        let of_once: Document =
            key.keys().map(|name| (name.clone(), Bson::from(format!("$_id.{name}")))).collect();
        pipeline.push(doc! { "$group": { "_id": of_once, "n": { "$sum": 1 } } });
        pipeline.push(doc! { "$match": { "n": { "$gt": 1 } } });
        pipeline.push(doc! { "$sort": { "n": -1 } });
        let limit = i64::try_from(COUNT_MAX + 1).unwrap_or(i64::MAX);
        pipeline.push(doc! { "$limit": limit });
        let mut command = doc! {
            "aggregate": &index.collection, "pipeline": pipeline, "allowDiskUse": true,
            "cursor": { "batchSize": limit }, "maxTimeMS": READ_MS_MAX,
        };
        if let Some(collation) = &index.collation {
            command.insert("collation", collation.clone());
        }
        let Some(reply) = self.ask(command, &index.collection).await? else { return Ok(None) };
        let found = batch(&reply);
        let commonest = found.iter().take(SHOWN).map(|group| {
            let count = number(group, "n").and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
            let shown = self.limits.show_values.then(|| {
                let parts = index
                    .keys
                    .keys()
                    .zip(group.get_document("_id").ok().into_iter().flat_map(Document::values));
                parts
                    .map(|(field, value)| format!("{field}: {value}"))
                    .collect::<Vec<_>>()
                    .join(", ")
            });
            (count, shown)
        });
        Ok(Some(Duplicates {
            keys: found.len().min(COUNT_MAX),
            more: found.len() > COUNT_MAX,
            commonest: commonest.collect(),
        }))
    }

    async fn named_by(&self, collection: &str, field: &str) -> Result<Vec<String>, Error> {
        let mut by = Vec::new();
        if let Some(reply) = self.ask(doc! { "listIndexes": collection }, collection).await? {
            for index in batch(&reply) {
                let in_keys = |key: &str| {
                    index
                        .get_document(key)
                        .is_ok_and(|keys| keys.keys().any(|path| is_within(path, field)))
                };
                let in_filter = index
                    .get_document("partialFilterExpression")
                    .is_ok_and(|filter| names(filter, field));
                if in_keys("key") || in_keys("weights") || in_filter {
                    by.push(format!("the index {}", index.get_str("name").unwrap_or("?")));
                }
            }
        }
        let command = doc! { "listCollections": 1, "filter": { "name": collection } };
        if let Some(reply) = self.ask(command, collection).await? {
            let named = batch(&reply).first().is_some_and(|one| {
                one.get_document("options")
                    .and_then(|options| options.get_document("validator"))
                    .is_ok_and(|validator| names(validator, field))
            });
            if named {
                by.push(THE_VALIDATOR.to_owned());
            }
        }
        Ok(by)
    }

    async fn failing(
        &self,
        collection: &str,
        validator: &Document,
    ) -> Result<Option<Failing>, Error> {
        let limit = i64::try_from(COUNT_MAX + 1).unwrap_or(i64::MAX);
        let command = doc! {
            "find": collection, "filter": { "$nor": [validator.clone()] },
            "projection": { "_id": 1 }, "limit": limit, "batchSize": limit, "singleBatch": true,
            "maxTimeMS": READ_MS_MAX,
        };
        let Some(reply) = self.ask(command, collection).await? else { return Ok(None) };
        let found = batch(&reply);
        let ids = found.iter().take(SHOWN).filter_map(|one| one.get("_id")).map(Bson::to_string);
        Ok(Some(Failing {
            documents: found.len().min(COUNT_MAX),
            more: found.len() > COUNT_MAX,
            ids: ids.collect(),
        }))
    }

    /// `None`: the server refused, or it took too long. A lint that cannot be looked into stops
    /// nobody; a server that is out of reach does.
    async fn ask(&self, command: Document, about: &str) -> Result<Option<Document>, Error> {
        match self.control.retrying(None, command).await {
            Ok(reply) => Ok(Some(reply)),
            // NamespaceNotFound: there is nothing to look at.
            Err(error) if error.code() == Some(26) => Ok(None),
            Err(error) if error.code().is_some() && !is_gone(&error) => {
                tracing::warn!(
                    target: "mongrate", collection = about, error = %Line(&error),
                    "could not look for what would better be done otherwise"
                );
                Ok(None)
            }
            Err(error) => Err(Error::server("look at what the migrations would meet", error)),
        }
    }
}

/// The server is going away, or the sign-in failed.
fn is_gone(error: &ServerError) -> bool {
    error.is_retryable() || error.code() == Some(18)
}

/// `$ifNull` with a null is refused by no server, but reads as a mistake without its literal.
fn null_literal() -> Document {
    doc! { "$literal": null }
}

fn batch(reply: &Document) -> Vec<&Document> {
    reply
        .get_document("cursor")
        .and_then(|cursor| cursor.get_array("firstBatch"))
        .map(|batch| batch.iter().filter_map(Bson::as_document).collect())
        .unwrap_or_default()
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}
