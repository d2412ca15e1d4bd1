//! Reads the documents of the audit log, in pages: as a majority has them.

use mongodb::bson::{Document, RawDocumentBuf, doc};

use crate::{
    model::error::Error,
    mongo::reply::first_batch,
    protocol::{audit, control::Control},
};

/// The most documents of a page: well under the 16 MB of a reply.
const PAGE: i64 = 1_000;

/// The log of one control collection.
pub(super) struct LogReader {
    control: Control,
    pub(super) collection: String,
}

impl LogReader {
    pub(super) fn new(control: &Control) -> Self {
        Self { control: control.clone(), collection: audit::collection(&control.collection) }
    }

    /// The entries after this number, up to and with `to`, oldest first; empty at the end.
    pub(super) async fn page(&self, after: i64, to: Option<i64>) -> Result<Vec<Document>, Error> {
        let mut id = doc! { "$type": "long", "$gt": after };
        if let Some(to) = to {
            id.insert("$lte", to);
        }
        self.find(doc! { "_id": id }, 1, PAGE).await
    }

    /// The newest entries that the filter lets through, newest first.
    pub(super) async fn newest(
        &self,
        filter: Document,
        limit: i64,
    ) -> Result<Vec<Document>, Error> {
        self.find(filter, -1, limit).await
    }

    /// Documents that cannot be entries.
    pub(super) async fn strays(&self) -> Result<Vec<Document>, Error> {
        self.find(doc! { "_id": { "$not": { "$type": "long" } } }, 1, 100).await
    }

    /// The oldest entry that the filter lets through.
    pub(super) async fn oldest(&self, filter: Document) -> Result<Option<Document>, Error> {
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

/// A document as it was sent.
pub(super) fn raw(document: &Document) -> Option<RawDocumentBuf> {
    RawDocumentBuf::try_from(document).ok()
}
