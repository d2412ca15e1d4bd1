//! The work of a backfill on one batch: the commands that its transaction sends.

use std::fmt;

use mongodb::{
    ClientSession,
    bson::{Bson, Document, doc},
};

use super::{in_document, job::Job, shared::Shared};
use crate::{
    model::result::BoxError,
    mongo::reply,
    protocol::{checkpoint::range::both, control::Control},
};

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
    pub(crate) fn new(command: Document, portions: Vec<u32>) -> Self {
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

/// The error of a batch that is to begin again: its work went by an expectation that does not hold.
#[derive(Debug)]
pub(crate) struct Again;

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the batch is to begin again")
    }
}

impl std::error::Error for Again {}

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
    /// The same without the filter of the backfill: a range of `_id`s.
    pub range: Document,
    /// How many documents in a row come to this side at once.
    pub portions: Vec<u32>,
    /// The validator does not judge what it writes.
    bypass: bool,
    /// [`Again`] is understood; the work returns it only so many times.
    pub may_begin_again: bool,
    /// How many documents were matched and changed.
    pub matched: u64,
    pub modified: u64,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(
        shared: &'a Shared<'_>,
        session: &'a mut ClientSession,
        range: Document,
        portions: Vec<u32>,
    ) -> Self {
        Self {
            session,
            control: &shared.control,
            collection: &shared.job.collection,
            filter: both(range.clone(), &shared.job.filter),
            range,
            portions,
            bypass: shared.job.bypass,
            may_begin_again: false,
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
        let reply =
            self.send(command).await.map_err(|error| in_document::of_statement(error, &ids))?;
        self.matched += reply::count(&reply, "n");
        self.modified += reply::count(&reply, "nModified");
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
            self.send(command).await.map_err(|error| in_document::of_statement(error, &ids))?;
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

/// An aggregation pipeline on the server.
pub(crate) struct Pipeline(pub(super) Vec<Document>);

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
pub(crate) struct Each<F>(pub(super) F);

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
                let update = (self.0)(document).map_err(|error| in_document::of(&id, error))?;
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
