//! Backfills: changes of any size, in batches that commit together with their checkpoint.

mod culprit;
mod job;
mod partition;
mod progress;
mod range;
mod reach;
mod run;
mod scout;
mod size;
mod throttle;
pub(crate) mod twice;
mod worker;

use std::time::Duration;

use mongodb::{
    ClientSession,
    bson::{Bson, Deserializer, Document, doc},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use self::worker::Shared;
pub(crate) use self::{
    job::Job,
    partition::{ID_PREFIX, Partition, older_filter, raise_statement, sessions},
    progress::progress,
    range::{Range, both},
    reach::{Asked, filter as ranges_filter, from_bson, reached, to_bson},
    run::run,
};
use crate::{BoxError, Online, command::Control};

/// A change of every document of a collection that matches. Made by [`Online::backfill`].
///
/// It walks in the order of `_id`, of whatever types those are, in batches. Each batch is a
/// transaction together with its checkpoint, under the fence: each document is changed exactly
/// once, though the process is killed, or the change would do harm when done twice. A later run
/// goes on behind the last batch that committed. Memory is bounded by one batch per worker.
///
/// The collection may be written to meanwhile. A document that is inserted behind the place
/// where a worker is at is changed when it gets there, one before it is not: deploy the code
/// that writes the new shape first.
#[derive(Debug)]
#[must_use = "nothing is changed until `update`, `update_each` or `replace_each` is awaited"]
pub struct Backfill<'a, 'c> {
    on: &'a mut Online<'c>,
    job: Job,
}

/// What a backfill did in this run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackfillReport {
    /// Documents that it walked over, those of earlier runs included.
    pub documents: u64,
    /// Documents that the updates of this run matched.
    pub matched: u64,
    /// Documents that the updates of this run changed.
    pub modified: u64,
    /// Batches of this run.
    pub batches: u64,
    /// It went on where an earlier run had stopped.
    pub resumed: bool,
}

impl<'c> Online<'c> {
    /// A change of any number of documents, in batches that are resumed after a crash.
    ///
    /// `name` is the step's: 1 to 128 bytes, unique within the migration.
    ///
    /// ```
    /// use mongrate::{bson::doc, Online, Result};
    ///
    /// async fn initials(on: &mut Online<'_>) -> Result {
    ///     let first = doc! { "$substrCP": ["$name", 0, 1] };
    ///     on.backfill("initials", "users")
    ///         .filter(doc! { "name": { "$type": "string" } })
    ///         .workers(4)
    ///         .update(vec![doc! { "$set": { "initial": first } }])
    ///         .await?;
    ///     Ok(())
    /// }
    /// ```
    pub fn backfill(&mut self, name: &str, collection: &str) -> Backfill<'_, 'c> {
        Backfill { on: self, job: Job::new(name, collection) }
    }
}

impl Backfill<'_, '_> {
    /// Only documents that match. Evaluated again in each batch. Default: all.
    pub fn filter(mut self, filter: Document) -> Self {
        self.job.filter = filter;
        self
    }

    /// The most documents per batch, 1 to 100,000. Default: begins with 1,000 and finds the size
    /// that takes some 150 to 600 ms, up to 10,000. However many, their bytes are bounded too: by
    /// 16 MB, less where the server has a small cache or does not take a batch.
    pub fn batch_size(mut self, documents: u32) -> Self {
        self.job.batch = Some(documents);
        self
    }

    /// How many batches may be under way at once, 1 to 64. Default 1.
    pub fn workers(mut self, workers: usize) -> Self {
        self.job.workers = workers;
        self
    }

    /// Pauses after each batch of each worker, up to 60 s. Default: not at all.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.job.throttle.pause = pause;
        self
    }

    /// Pauses while a secondary is further behind than this; `None`: whatever it is. Default
    /// 10 s. (A user who may not run `replSetGetStatus` sees how far the majority is behind.)
    pub fn max_lag(mut self, lag: impl Into<Option<Duration>>) -> Self {
        self.job.throttle.lag_max = lag.into();
        self
    }

    /// Pauses while more operations than this wait for a lock on the server; `None`: whatever
    /// their number. Default 100. (Needs the right to run `serverStatus`; without it, it does
    /// not pause.)
    pub fn max_queue(mut self, operations: impl Into<Option<u32>>) -> Self {
        self.job.throttle.queue_max = operations.into();
        self
    }

    /// Updates the documents on the server with an aggregation pipeline, which may compute
    /// from the document what it sets.
    ///
    /// # Errors
    ///
    /// What the server says to a batch, with the `_id` of the document that it is about. That
    /// batch left no trace; those before it are done, and a later run resumes after them. A view,
    /// a time series and a capped collection are refused.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe, as with [`Online::transaction`]. Cancelling the run ends it at the end
    /// of a batch.
    pub async fn update(self, pipeline: Vec<Document>) -> Result<BackfillReport, BoxError> {
        if pipeline.is_empty() {
            return Err(format!("the backfill `{}` has an empty pipeline", self.job.name).into());
        }
        self.start(&Pipeline(pipeline)).await
    }

    /// Updates each document with what a function computes from it: update operators (as
    /// `doc! { "$set": … }`), or `None` to leave it as it is. `T` may be a part of the document.
    ///
    /// # Errors
    ///
    /// Those of [`update`](Self::update); the function's; a document that is no `T`.
    ///
    /// # Cancel safety
    ///
    /// As [`update`](Self::update).
    ///
    /// ```
    /// use mongrate::{bson::doc, Online, Result};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct User {
    ///     name: String,
    /// }
    ///
    /// async fn slugs(on: &mut Online<'_>) -> Result {
    ///     on.backfill("slugs", "users")
    ///         .update_each(|user: User| {
    ///             let slug = user.name.to_lowercase().replace(' ', "-");
    ///             Ok(Some(doc! { "$set": { "slug": slug } }))
    ///         })
    ///         .await?;
    ///     Ok(())
    /// }
    /// ```
    pub async fn update_each<T, F>(mut self, each: F) -> Result<BackfillReport, BoxError>
    where
        T: DeserializeOwned,
        F: Fn(T) -> Result<Option<Document>, BoxError>,
    {
        let each = |document: Document| {
            let update = each(T::deserialize(Deserializer::new(Bson::Document(document)))?)?;
            if let Some(update) = &update
                && update.keys().any(|key| !key.starts_with('$'))
            {
                return Err("`update_each` wants update operators, as `doc! { \"$set\": … }`; to \
                            replace documents as a whole, use `replace_each`"
                    .into());
            }
            Ok(update)
        };
        self.job.refuses_twice = true;
        self.start(&Each(each)).await
    }

    /// Replaces each document by what a function makes of it, or leaves it as it is with `None`.
    /// The whole document comes and goes, so that no field is lost that a type does not name.
    ///
    /// # Errors
    ///
    /// As [`update_each`](Self::update_each); when the function changes the `_id`.
    ///
    /// # Cancel safety
    ///
    /// As [`update`](Self::update).
    pub async fn replace_each<F>(mut self, each: F) -> Result<BackfillReport, BoxError>
    where
        F: Fn(Document) -> Result<Option<Document>, BoxError>,
    {
        let each = |document: Document| {
            let id = document.get("_id").cloned();
            let Some(mut new) = each(document)? else { return Ok(None) };
            match (new.get("_id"), id) {
                (None, Some(id)) => {
                    new.insert("_id", id);
                }
                (found, id) if found == id.as_ref() => {}
                _ => return Err("`replace_each` cannot change a document's `_id`".into()),
            }
            if new.keys().any(|key| key.starts_with('$')) {
                return Err("`replace_each` wants a document, not update operators; for those, \
                            use `update_each`"
                    .into());
            }
            Ok(Some(new))
        };
        self.job.refuses_twice = true;
        self.start(&Each(each)).await
    }
}

impl Backfill<'_, '_> {
    async fn start(self, work: &impl Work) -> Result<BackfillReport, BoxError> {
        self.job.check()?;
        run::refuse_unwalkable(self.on, &self.job).await?;
        let name = self.job.name.clone();
        Box::pin(run(self.on, self.job, work)).await.map_err(|source| {
            let text = format!("the backfill `{name}`");
            Box::new(culprit::Within { text, source }) as BoxError
        })
    }
}

/// What is done with the documents of a batch, in its transaction. Called again when the
/// transaction is tried again.
pub(crate) trait Work {
    async fn batch(&self, batch: &mut Batch<'_>) -> Result<(), BoxError>;

    /// The fields that it changes, where that is known and nobody else says it.
    fn fields(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A batch under way: a range of a collection, in a transaction.
pub(crate) struct Batch<'a> {
    pub session: &'a mut ClientSession,
    pub control: &'a Control,
    pub collection: &'a str,
    /// Which documents of the collection are in it.
    pub filter: Document,
    /// How many documents in a row come to this side at once.
    pub portions: Vec<u32>,
    /// The validator does not judge what it writes.
    bypass: bool,
    /// How many documents were matched and changed.
    pub matched: u64,
    pub modified: u64,
}

impl<'a> Batch<'a> {
    fn new(
        shared: &'a Shared<'_>,
        session: &'a mut ClientSession,
        range: Document,
        portions: Vec<u32>,
    ) -> Self {
        Self {
            session,
            control: &shared.control,
            collection: &shared.job.collection,
            filter: both(range, &shared.job.filter),
            portions,
            bypass: shared.job.bypass,
            matched: 0,
            modified: 0,
        }
    }

    /// Sends a command in the transaction; errors within a reply are errors.
    pub(crate) async fn send(&mut self, command: Document) -> Result<Document, BoxError> {
        Ok(self.control.once(Some(&mut *self.session), command).await?)
    }

    /// Sends statements of an `update` of the collection, and counts what they did.
    pub(crate) async fn update(&mut self, statements: Vec<Document>) -> Result<(), BoxError> {
        let ids: Vec<_> = statements.iter().map(id_of).collect();
        let mut command =
            doc! { "update": self.collection, "updates": statements, "ordered": true };
        if self.bypass {
            command.insert("bypassDocumentValidation", true);
        }
        let reply = self.send(command).await.map_err(|error| culprit::of_statement(error, &ids))?;
        self.matched += worker::count(&reply, "n");
        self.modified += worker::count(&reply, "nModified");
        Ok(())
    }

    /// Inserts documents into another collection, in as many commands as it takes.
    pub(crate) async fn insert(
        &mut self,
        collection: &str,
        documents: Vec<Document>,
    ) -> Result<(), BoxError> {
        for documents in pieces(documents)? {
            let ids: Vec<_> =
                documents.iter().map(|document| document.get("_id").cloned()).collect();
            let command = doc! { "insert": collection, "documents": documents, "ordered": true };
            self.send(command).await.map_err(|error| culprit::of_statement(error, &ids))?;
        }
        Ok(())
    }

    /// Updates in as many commands as it takes.
    pub(crate) async fn update_all(&mut self, statements: Vec<Document>) -> Result<(), BoxError> {
        for statements in pieces(statements)? {
            self.update(statements).await?;
        }
        Ok(())
    }

    /// Every document that a command with a cursor returns. For what is small: see
    /// [`portions`](Self::portions).
    pub(crate) async fn read(&mut self, command: Document) -> Result<Vec<Document>, BoxError> {
        let mut reader = Reader::new(command, Vec::new());
        let mut found = Vec::new();
        while let Some(more) = reader.next(self).await? {
            found.extend(more);
        }
        Ok(found)
    }

    /// What a command with a cursor returns of the documents of this batch, in portions.
    pub(crate) fn reader(&self, command: Document) -> Reader {
        Reader::new(command, self.portions.clone())
    }
}

/// Reads what a command with a cursor returns, in portions whose bytes are bounded.
pub(crate) struct Reader {
    portions: std::vec::IntoIter<u32>,
    /// The size of a portion behind the last one: of documents that were inserted meanwhile.
    beyond: u32,
    next: Next,
}

/// What a [`Reader`] sends next.
enum Next {
    First(Document),
    More(i64, String),
    Nothing,
}

impl Reader {
    fn new(command: Document, portions: Vec<u32>) -> Self {
        let beyond = portions.last().copied().unwrap_or(Job::BATCH_MAX);
        Self { portions: portions.into_iter(), beyond, next: Next::First(command) }
    }

    /// The next documents; `None`: there are no more.
    pub(crate) async fn next(
        &mut self,
        batch: &mut Batch<'_>,
    ) -> Result<Option<Vec<Document>>, BoxError> {
        let size = self.portions.next().unwrap_or(self.beyond);
        // With one more, the server sees that the last portion is the last.
        let size = i64::from(size) + i64::from(self.portions.len() == 0);
        let command = match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::First(mut command) => {
                match command.get_document_mut("cursor") {
                    Ok(cursor) => cursor.insert("batchSize", size),
                    Err(_) => command.insert("batchSize", size),
                };
                command
            }
            Next::More(id, collection) => {
                doc! { "getMore": id, "collection": collection, "batchSize": size }
            }
            Next::Nothing => return Ok(None),
        };
        let mut reply = batch.send(command).await?;
        let Ok(cursor) = reply.get_document_mut("cursor") else {
            return Err("a reply without a cursor".into());
        };
        let id = cursor.get_i64("id").unwrap_or(0);
        let namespace = cursor.get_str("ns").unwrap_or_default();
        let collection = namespace.split_once('.').map_or(batch.collection, |(_, name)| name);
        if id != 0 {
            self.next = Next::More(id, collection.to_owned());
        }
        let key = if cursor.contains_key("firstBatch") { "firstBatch" } else { "nextBatch" };
        let found = match cursor.remove(key) {
            Some(Bson::Array(found)) => found,
            _ => Vec::new(),
        };
        let documents = found.into_iter().filter_map(|item| match item {
            Bson::Document(document) => Some(document),
            _ => None,
        });
        Ok(Some(documents.collect()))
    }
}

/// An aggregation pipeline on the server.
struct Pipeline(Vec<Document>);

impl Work for Pipeline {
    async fn batch(&self, batch: &mut Batch<'_>) -> Result<(), BoxError> {
        let filter = std::mem::take(&mut batch.filter);
        batch.update(vec![doc! { "q": filter, "u": self.0.clone(), "multi": true }]).await
    }

    fn fields(&self) -> Vec<String> {
        let stages =
            self.0.iter().flat_map(|stage| ["$set", "$addFields"].map(|key| stage.get(key)));
        let set = stages.flatten().filter_map(Bson::as_document).flat_map(Document::keys);
        set.cloned().collect()
    }
}

/// A function from a document to an update or to a replacement.
struct Each<F>(F);

/// How much one command may hold: it is a document, and those have 16 MB.
const COMMAND_BYTES_MAX: usize = 8 << 20;

impl<F> Work for Each<F>
where
    F: Fn(Document) -> Result<Option<Document>, BoxError>,
{
    async fn batch(&self, batch: &mut Batch<'_>) -> Result<(), BoxError> {
        let filter = std::mem::take(&mut batch.filter);
        let mut reader = batch.reader(doc! {
            "find": batch.collection, "filter": filter, "hint": { "_id": 1 },
        });
        while let Some(documents) = reader.next(batch).await? {
            let mut statements = Vec::new();
            for document in documents {
                let Some(id) = document.get("_id").cloned() else { continue };
                let update = (self.0)(document).map_err(|error| culprit::of(&id, error))?;
                let Some(update) = update else { continue };
                statements.push(doc! { "q": one_by_id(id), "u": update });
            }
            batch.update_all(statements).await?;
        }
        Ok(())
    }
}

/// Documents in groups that fit one command.
fn pieces(documents: Vec<Document>) -> Result<Vec<Vec<Document>>, BoxError> {
    let mut pieces: Vec<Vec<Document>> = Vec::new();
    let mut room = 0;
    for document in documents {
        let size = bson_size(&document)?;
        match pieces.last_mut() {
            Some(last) if size <= room => last.push(document),
            _ => {
                pieces.push(vec![document]);
                room = COMMAND_BYTES_MAX;
            }
        }
        room = room.saturating_sub(size);
    }
    Ok(pieces)
}

/// The `_id` of the one document that a statement is about.
fn id_of(statement: &Document) -> Option<Bson> {
    if statement.get_bool("multi").unwrap_or(false) {
        return None;
    }
    match statement.get_document("q").ok()?.get("_id")? {
        Bson::Document(one) if one.len() == 1 && one.contains_key("$eq") => one.get("$eq").cloned(),
        plain => Some(plain.clone()),
    }
}

/// The filter for one document. The server takes its short way, without a query planner, only if
/// the `_id` stands there plainly; what could be read as an operator must not.
fn one_by_id(id: Bson) -> Document {
    match id {
        Bson::Document(_) | Bson::RegularExpression(_) => doc! { "_id": { "$eq": id } },
        plain => doc! { "_id": plain },
    }
}

/// How many bytes a document is on the wire.
fn bson_size(document: &Document) -> Result<usize, BoxError> {
    let mut bytes = Vec::new();
    document.to_writer(&mut bytes)?;
    Ok(bytes.len())
}
