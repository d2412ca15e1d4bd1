//! Reads what the lints judge by. Bounded in time; writes nothing.

use std::collections::HashMap;

use mongodb::bson::{Bson, Document, doc};

use super::{
    around::Around,
    facts::{Duplicates, Facts, Failing, NamedBy},
    names::{index_names, names, nearest, sources},
};
use crate::{
    kinds::{
        change,
        effect::{Index, Operation},
    },
    model::{error::Error, lint::LintLimits},
    mongo::{
        code, options,
        reply::{first_batch, number},
        server_error::ServerError,
    },
    protocol::control::Control,
    telemetry::visible::Line,
};

/// How long the server may work at one question, in milliseconds.
const READ_MS_MAX: i64 = 15_000;

/// How many keys or documents are counted before a lint says "more than".
const COUNT_MAX: usize = 1_000;

/// How many keys or `_id`s a lint shows.
const SHOWN: usize = 5;

/// A collection that is there.
#[derive(Clone, Debug)]
struct There {
    name: String,
    options: Document,
    /// What it reads, if it is a view.
    sources: Vec<String>,
}

/// Reads the list of collections, and each collection's size, once.
pub(super) struct Reader<'a> {
    control: &'a Control,
    limits: LintLimits,
    sizes: HashMap<String, u64>,
    /// Without the control collections; none if it could not be read, or not all of it.
    collections: Option<Option<Vec<There>>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(control: &'a Control, limits: LintLimits) -> Self {
        Self { control, limits, sizes: HashMap::new(), collections: None }
    }

    /// What is in the database now, under the names that things have now.
    pub(super) async fn facts(
        &mut self,
        operation: &Operation,
        around: Around<'_>,
    ) -> Result<Facts, Error> {
        let missing = self.missing(operation, around).await?;
        let mut facts = Facts { missing, ..Facts::default() };
        let now = |collection: &str| around.origin(collection).name;
        match operation {
            Operation::Write { collection: Some(collection), seen: None } => {
                facts.documents = self.documents(collection).await?;
            }
            Operation::RenameCollection { from, .. } => {
                let Some(now) = now(from) else { return Ok(facts) };
                facts.documents = self.documents(&now).await?;
                facts.views = self.views(&now).await?;
            }
            Operation::DropCollection { name, .. } => {
                let Some(now) = now(name) else { return Ok(facts) };
                facts.views = self.views(&now).await?;
            }
            Operation::CreateIndex(index) => {
                let Some(now) = now(&index.collection) else { return Ok(facts) };
                facts.documents = self.documents(&now).await?;
                if index.is("unique") && facts.documents > 0 {
                    facts.duplicates = self.duplicates(index, &now, around).await?;
                }
            }
            Operation::MakeUnique { collection, index } => {
                let Some(now) = now(collection) else { return Ok(facts) };
                let of = self.options(&now).await?;
                let Some(listed) = self.index(&now, index).await? else { return Ok(facts) };
                let index = Index::of(collection, &listed);
                facts.documents = self.documents(&now).await?;
                facts.duplicates = self.duplicates(&index, &now, around).await?;
                facts.named_by = vec![NamedBy::Index { listed, of }];
            }
            Operation::Field { collection, field, change } => {
                let Some(now) = now(collection) else { return Ok(facts) };
                facts.named_by = self.named_by(&now, field).await?;
                if change.target().is_some() {
                    facts.documents = self.documents(&now).await?;
                }
            }
            Operation::SetValidator { collection, validator, strict, .. } => {
                let Some(now) = now(collection) else { return Ok(facts) };
                facts.documents = self.documents(&now).await?;
                if *strict && facts.documents > 0 && !validator.is_empty() {
                    facts.failing = self.failing(&now, validator).await?;
                }
            }
            Operation::Write { .. }
            | Operation::DropIndex { .. }
            | Operation::CreateCollection { .. }
            | Operation::Modify { .. }
            | Operation::Rewrite { .. }
            | Operation::PassedOn { .. }
            | Operation::Search { .. }
            | Operation::Unknown => {}
        }
        Ok(facts)
    }

    /// Whether the collection is missing that the operation needs, and which one is meant perhaps.
    async fn missing(
        &mut self,
        operation: &Operation,
        around: Around<'_>,
    ) -> Result<Option<Option<String>>, Error> {
        let Some((collection, is_refused)) = operation.needs() else { return Ok(None) };
        let origin = around.origin(collection);
        if origin.is_made || around.is_unknown() {
            return Ok(None);
        }
        let Some(all) = self.collections().await? else { return Ok(None) };
        // A new database is empty: what changes documents finds none, as it should.
        if all.is_empty() && !is_refused {
            return Ok(None);
        }
        let is_there = |name: &String| all.iter().any(|there| there.name == *name);
        if origin.name.as_ref().is_some_and(is_there) {
            return Ok(None);
        }
        let near = nearest(collection, all.iter().map(|there| there.name.as_str()));
        Ok(Some(near.map(str::to_owned)))
    }

    /// The collections of the database, but for the control collections and the server's own.
    async fn collections(&mut self) -> Result<Option<&[There]>, Error> {
        if self.collections.is_none() {
            let command = doc! { "listCollections": 1, "cursor": { "batchSize": 10_000 } };
            let control = self.control.collection.clone();
            let kept = change::keep::prefix(&control);
            let reply = self.ask(command, &control).await?;
            let all = reply.filter(is_whole).map(|reply| {
                let mut all: Vec<There> = Vec::new();
                for listed in first_batch(&reply).collect::<Vec<_>>() {
                    let name = listed.get_str("name").unwrap_or_default();
                    let is_ours = name == control || name.starts_with(&kept);
                    if is_ours || name.starts_with("system.") {
                        continue;
                    }
                    let options = listed.get_document("options").cloned().unwrap_or_default();
                    let sources = sources(&options);
                    all.push(There { name: name.to_owned(), options, sources });
                }
                all.sort_by(|one, other| one.name.cmp(&other.name));
                all
            });
            self.collections = Some(all);
        }
        Ok(self.collections.as_ref().and_then(Option::as_deref))
    }

    /// The options of a collection; none if they are not known.
    async fn options(&mut self, collection: &str) -> Result<Document, Error> {
        let all = self.collections().await?.unwrap_or_default();
        let found = all.iter().find(|there| there.name == collection);
        Ok(found.map(|there| there.options.clone()).unwrap_or_default())
    }

    /// The views that read a collection.
    async fn views(&mut self, collection: &str) -> Result<Vec<String>, Error> {
        let all = self.collections().await?.unwrap_or_default();
        let reads = |there: &&There| there.sources.iter().any(|source| source == collection);
        Ok(all.iter().filter(reads).map(|there| there.name.clone()).collect())
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
    async fn duplicates(
        &mut self,
        index: &Index,
        collection: &str,
        around: Around<'_>,
    ) -> Result<Option<Duplicates>, Error> {
        let fields: Vec<String> =
            index.keys.keys().map(|key| around.field_now(&index.collection, key)).collect();
        let mut pipeline = Vec::new();
        if let Some(partial) = index.inner("partialFilterExpression") {
            pipeline.push(doc! { "$match": partial.clone() });
        }
        if index.is("sparse") {
            let any: Vec<Document> =
                fields.iter().map(|key| doc! { key: { "$exists": true } }).collect();
            pipeline.push(doc! { "$match": { "$or": any } });
        }
        let (mut values, mut key) = (Document::new(), Document::new());
        let mut unwinds = Vec::new();
        for (at, field) in fields.iter().enumerate() {
            let name = format!("k{at}");
            // Each key of a document once. (Not by grouping with its `_id`: a collation may take
            // two of those for equal.)
            let once = doc! { "$cond": [
                { "$isArray": "$$value" }, { "$setUnion": ["$$value", []] }, "$$value",
            ] };
            let value = doc! { "$ifNull": [format!("${field}"), null_literal()] };
            values.insert(&name, doc! { "$let": { "vars": { "value": value }, "in": once } });
            key.insert(&name, format!("${name}"));
            unwinds.push(doc! { "$unwind": {
                "path": format!("${name}"), "preserveNullAndEmptyArrays": true,
            } });
        }
        pipeline.push(doc! { "$project": values });
        pipeline.extend(unwinds);
        pipeline.push(doc! { "$group": { "_id": key, "n": { "$sum": 1 } } });
        pipeline.push(doc! { "$match": { "n": { "$gt": 1 } } });
        pipeline.push(doc! { "$sort": { "n": -1 } });
        let limit = i64::try_from(COUNT_MAX + 1).unwrap_or(i64::MAX);
        pipeline.push(doc! { "$limit": limit });
        let mut command = doc! {
            "aggregate": collection, "pipeline": pipeline, "allowDiskUse": true,
            "cursor": { "batchSize": limit }, "maxTimeMS": READ_MS_MAX,
        };
        let options = self.options(collection).await?;
        let own = index.inner("collation");
        if let Some(collation) = own {
            command.insert("collation", collation.clone());
        }
        let effective = match own {
            Some(_) => options::collation(&index.options),
            None => options::collation(&options),
        };
        let Some(reply) = self.ask(command, collection).await? else { return Ok(None) };
        let found = first_batch(&reply).collect::<Vec<_>>();
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
            collation: effective.map(options::short_collation),
        }))
    }

    async fn named_by(&mut self, collection: &str, field: &str) -> Result<Vec<NamedBy>, Error> {
        let mut by = Vec::new();
        let of = self.options(collection).await?;
        if let Some(reply) = self.ask(doc! { "listIndexes": collection }, collection).await? {
            for index in first_batch(&reply).collect::<Vec<_>>() {
                let keys = index.get_document("key").cloned().unwrap_or_default();
                if index_names(&keys, index, field) {
                    by.push(NamedBy::Index { listed: index.clone(), of: of.clone() });
                }
            }
        }
        if of.get_document("validator").is_ok_and(|validator| names(validator, field)) {
            by.push(NamedBy::Validator);
        }
        Ok(by)
    }

    /// The index of a collection, as it is listed.
    async fn index(&self, collection: &str, name: &str) -> Result<Option<Document>, Error> {
        let reply = self.ask(doc! { "listIndexes": collection }, collection).await?;
        let is_named = |index: &&Document| index.get_str("name").is_ok_and(|found| found == name);
        Ok(reply.and_then(|reply| first_batch(&reply).find(is_named).cloned()))
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
        let found = first_batch(&reply).collect::<Vec<_>>();
        let ids = found.iter().take(SHOWN).filter_map(|one| one.get("_id")).map(Bson::to_string);
        Ok(Some(Failing {
            documents: found.len().min(COUNT_MAX),
            more: found.len() > COUNT_MAX,
            ids: ids.collect(),
        }))
    }

    /// `None`: the server refused, or it took too long. A lint that cannot be judged stops no run;
    /// a server that is out of reach does.
    async fn ask(&self, command: Document, about: &str) -> Result<Option<Document>, Error> {
        match self.control.retrying(None, command).await {
            Ok(reply) => Ok(Some(reply)),
            // There is nothing to look at.
            Err(error)
                if matches!(
                    error.code(),
                    Some(code::NAMESPACE_NOT_FOUND | code::COMMAND_NOT_SUPPORTED_ON_VIEW)
                ) =>
            {
                Ok(None)
            }
            Err(error) if error.code().is_some() && !is_gone(&error) => {
                tracing::warn!(
                    target: "mongrate", collection = about, error = %Line(&error),
                    "could not read what the lints need"
                );
                Ok(None)
            }
            Err(error) => Err(Error::server("look at what the migrations would meet", error)),
        }
    }
}

/// The server is going away, or the sign-in failed.
fn is_gone(error: &ServerError) -> bool {
    error.is_retryable() || error.code() == Some(code::AUTHENTICATION_FAILED)
}

/// Whether one batch was enough.
fn is_whole(reply: &Document) -> bool {
    reply.get_document("cursor").ok().and_then(|cursor| number(cursor, "id")) == Some(0)
}

/// `$ifNull` with a null is refused by no server, but reads as a mistake without its literal.
fn null_literal() -> Document {
    doc! { "$literal": null }
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}
