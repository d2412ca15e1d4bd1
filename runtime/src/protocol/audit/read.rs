//! Reads the documents of the audit log, in pages: as a majority has them.

use mongodb::bson::{Document, RawDocumentBuf, doc};

use super::{ATTACHED_MAX, entry::Read};
use crate::{
    model::error::Error,
    mongo::reply::first_batch,
    protocol::{audit, control::Control},
};

/// The most documents of a page: well under the 16 MB of a reply.
const PAGE: i64 = 1_000;

/// The log of one control collection.
pub(crate) struct LogReader {
    control: Control,
    pub(crate) collection: String,
}

impl LogReader {
    pub(crate) fn new(control: &Control) -> Self {
        Self { control: control.clone(), collection: audit::collection(&control.collection) }
    }

    /// The documents with numbers, those after `after`, up to and with `to`, oldest first; empty at the end.
    pub(crate) async fn page(
        &self,
        after: Option<i64>,
        to: Option<i64>,
    ) -> Result<Vec<Document>, Error> {
        let mut id = doc! { "$type": "long" };
        if let Some(after) = after {
            id.insert("$gt", after);
        }
        if let Some(to) = to {
            id.insert("$lte", to);
        }
        self.find(doc! { "_id": id }, 1, PAGE).await
    }

    /// The newest entries that the filter lets through, newest first.
    pub(crate) async fn newest(
        &self,
        filter: Document,
        limit: i64,
    ) -> Result<Vec<Document>, Error> {
        self.find(filter, -1, limit).await
    }

    /// The newest entry that a log may go on after. `None`: there is none.
    pub(crate) async fn last(&self) -> Result<Option<Read>, Error> {
        let id = doc! { "$type": "long", "$gte": 1_i64, "$lte": ATTACHED_MAX };
        let found = self.newest(doc! { "_id": id }, 1).await?;
        let Some(newest) = found.first() else { return Ok(None) };
        match parse(newest) {
            Some(read) => Ok(Some(read)),
            None => Err(self.foreign(newest)),
        }
    }

    /// The error for a document that is no entry, where the log would go on after it.
    pub(crate) fn foreign(&self, document: &Document) -> Error {
        let id = document.get("_id").map_or_else(|| "none".to_owned(), ToString::to_string);
        Error::Corrupt {
            collection: Some(self.collection.clone()),
            id: format!("the document with `_id` {id}"),
            problem: "is no entry of an audit log".to_owned(),
        }
    }

    /// Documents that cannot be entries.
    pub(crate) async fn strays(&self) -> Result<Vec<Document>, Error> {
        self.find(doc! { "_id": { "$not": { "$type": "long" } } }, 1, 100).await
    }

    /// The oldest entry that the filter lets through.
    pub(crate) async fn oldest(&self, filter: Document) -> Result<Option<Document>, Error> {
        Ok(self.find(filter, 1, 1).await?.into_iter().next())
    }

    async fn find(&self, filter: Document, order: i32, limit: i64) -> Result<Vec<Document>, Error> {
        let command = doc! {
            "find": &self.collection,
            "filter": filter,
            "sort": { "_id": order },
            "limit": limit,
            "batchSize": limit,
            "singleBatch": true,
            "readConcern": { "level": "majority" },
        };
        let reply = self.control.retrying(None, command).await;
        let reply = reply.map_err(|error| Error::server("read the audit log", error))?;
        Ok(first_batch(&reply).cloned().collect())
    }
}

/// Reads a document; `None` if it is none of the log's.
pub(crate) fn parse(document: &Document) -> Option<Read> {
    Read::parse(&raw(document)?)
}

/// A document as it was sent.
pub(crate) fn raw(document: &Document) -> Option<RawDocumentBuf> {
    RawDocumentBuf::try_from(document).ok()
}
