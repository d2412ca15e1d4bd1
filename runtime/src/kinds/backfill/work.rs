//! The work of a backfill on one batch: the commands that its transaction sends.

use std::fmt;

use mongodb::{
    ClientSession,
    bson::{Bson, Document, RawDocument, doc},
};

use super::{in_document, job::Job, shared::Shared};
use crate::{
    model::result::BoxError,
    mongo::{
        fields::raw,
        raw::{RawArray, to_bytes},
        reply,
    },
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

    /// Sends statements of an `update` of the collection, in as many commands as it takes, and counts
    /// what they did.
    pub(crate) async fn update(
        &mut self,
        statements: impl IntoIterator<Item = Document>,
    ) -> Result<(), BoxError> {
        let mut some = RawArray::default();
        for statement in statements {
            self.add_statement(&mut some, &statement).await?;
        }
        self.send_statements(&some).await
    }

    /// Adds a statement to those of the next `update`; sends them first, if it has no room in one command.
    async fn add_statement(
        &mut self,
        some: &mut RawArray,
        statement: &Document,
    ) -> Result<(), BoxError> {
        let about = |error| in_document::of_one(error, || id_of(statement));
        let bytes = to_bytes(statement).map_err(about)?;
        if bytes.len() > MESSAGE_BYTES_MAX {
            let long = format!("what it becomes is too big: {} bytes, of 16 MB", bytes.len());
            return Err(about(long.into()));
        }
        if !some.has_room(bytes.len(), COMMAND_BYTES_MAX) {
            self.send_statements(&std::mem::take(some)).await?;
        }
        some.push(RawDocument::from_bytes(&bytes)?);
        Ok(())
    }

    async fn send_statements(&mut self, some: &RawArray) -> Result<(), BoxError> {
        if some.is_empty() {
            return Ok(());
        }
        let mut fields = doc! { "update": self.collection, "ordered": true };
        if self.bypass {
            fields.insert("bypassDocumentValidation", true);
        }
        let id = |statement: &RawDocument| id_of(&Document::try_from(statement).ok()?);
        let reply = self.send_raw(&fields, some, "updates", id).await?;
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
        let mut some = RawArray::default();
        for document in documents {
            let id = || document.get("_id").cloned();
            let bytes = to_bytes(&document).map_err(|error| in_document::of_one(error, id))?;
            if !some.has_room(bytes.len(), COMMAND_BYTES_MAX) {
                self.insert_raw(&std::mem::take(&mut some), collection).await?;
            }
            some.push(RawDocument::from_bytes(&bytes)?);
        }
        self.insert_raw(&some, collection).await
    }

    /// Inserts documents into another collection with one command.
    pub(super) async fn insert_raw(&mut self, some: &RawArray, into: &str) -> Result<(), BoxError> {
        if some.is_empty() {
            return Ok(());
        }
        let fields = doc! { "insert": into, "ordered": true };
        let id = |document: &RawDocument| Bson::try_from(raw(document, "_id")?).ok();
        self.send_raw(&fields, some, "documents", id).await.map(drop)
    }

    /// Sends a command of these fields and an array; its errors say which document they are about.
    async fn send_raw(
        &mut self,
        fields: &Document,
        items: &RawArray,
        key: &str,
        id: impl Fn(&RawDocument) -> Option<Bson>,
    ) -> Result<Document, BoxError> {
        let command = items.behind(fields, key)?;
        let sent = self.control.once_raw(&mut *self.session, command).await;
        sent.map_err(|error| {
            in_document::of_statement(error.into(), |at| id(items.iter().nth(at)?))
        })
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
        Reader::new(command, decoded(&self.portions))
    }
}

/// An aggregation pipeline on the server.
pub(crate) struct Pipeline(pub(super) Vec<Document>);

impl Work for Pipeline {
    async fn batch(&self, batch: &mut Batch<'_>) -> Result<(), BoxError> {
        let filter = std::mem::take(&mut batch.filter);
        batch.update([doc! { "q": filter, "u": self.0.clone(), "multi": true }]).await
    }

    fn fields(&self) -> Vec<String> {
        let stages =
            self.0.iter().flat_map(|stage| ["$set", "$addFields"].map(|key| stage.get(key)));
        let set = stages.flatten().filter_map(Bson::as_document).flat_map(Document::keys);
        set.cloned().collect()
    }
}

/// A function from a document to an update or to a replacement.
pub(super) type Function<'f> = dyn Fn(Document) -> Result<Option<Document>, BoxError> + 'f;

/// Calls a function for each document.
pub(super) struct Each<'f>(pub(super) &'f Function<'f>);

/// How much one command may hold: it is a document, and those have 16 MB.
const COMMAND_BYTES_MAX: usize = 8 << 20;

/// The server closes the connection on a longer message (`maxMessageSizeBytes`), so that nobody would say why.
/// Below that, it answers.
const MESSAGE_BYTES_MAX: usize = 48_000_000 - (16 << 10);

/// How many documents are decoded at once: decoded, a small document takes ten times its bytes.
const DECODED_MAX: u32 = 4_000;

impl Work for Each<'_> {
    async fn batch(&self, batch: &mut Batch<'_>) -> Result<(), BoxError> {
        let filter = std::mem::take(&mut batch.filter);
        let mut reader = batch.reader(doc! {
            "find": batch.collection, "filter": filter, "hint": { "_id": 1 },
        });
        while let Some(documents) = reader.next(batch).await? {
            let mut statements = RawArray::default();
            for document in documents {
                let Some(id) = document.get("_id").cloned() else { continue };
                let update = (self.0)(document).map_err(|error| in_document::of(&id, error))?;
                let Some(update) = update else { continue };
                let statement = doc! { "q": one_by_id(id), "u": update };
                batch.add_statement(&mut statements, &statement).await?;
            }
            batch.send_statements(&statements).await?;
        }
        Ok(())
    }
}

/// Portions of at most [`DECODED_MAX`] documents.
fn decoded(portions: &[u32]) -> Vec<u32> {
    let of = |portion: &u32| {
        let (whole, rest) = (portion / DECODED_MAX, portion % DECODED_MAX);
        std::iter::repeat_n(DECODED_MAX, whole as usize).chain((rest > 0).then_some(rest))
    };
    portions.iter().flat_map(of).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_documents_are_decoded_at_once() {
        assert_eq!(decoded(&[1, 4_000, 9_000]), [1, 4_000, 4_000, 4_000, 1_000]);
        assert_eq!(decoded(&[]), [0_u32; 0]);
    }

    #[test]
    fn a_command_has_room_for_one_document_whatever_its_size() {
        let mut some = RawArray::default();
        let big = to_bytes(&doc! { "text": "x".repeat(COMMAND_BYTES_MAX) }).unwrap();
        assert!(some.has_room(big.len(), COMMAND_BYTES_MAX));
        some.push(RawDocument::from_bytes(&big).unwrap());
        assert!(!some.has_room(5, COMMAND_BYTES_MAX));
    }
}
