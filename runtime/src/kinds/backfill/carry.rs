//! Documents that a batch reads as bytes, or carries into another collection, without decoding them.

use mongodb::{
    SessionCursor,
    bson::{Bson, Document, RawDocument, doc},
};

use super::{in_document, job::Job, work::Batch};
use crate::{
    model::result::BoxError,
    mongo::{fields::raw, raw::RawArray, server_error::ServerError},
};

/// How many bytes are carried in one command. A document may have more.
const CARRIED_BYTES_MAX: usize = 4 << 20;

impl Batch<'_> {
    /// Gives each document that a command with a cursor returns to `add`, as it came over the wire.
    pub(crate) async fn each(
        &mut self,
        command: Document,
        mut add: impl FnMut(&RawDocument) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let mut cursor = self.cursor(command).await?;
        while cursor.advance(&mut *self.session).await.map_err(ServerError::from)? {
            add(cursor.current())?;
        }
        Ok(())
    }

    /// Inserts what a command with a cursor returns into another collection.
    pub(crate) async fn carry(&mut self, command: Document, into: &str) -> Result<(), BoxError> {
        let mut cursor = self.cursor(command).await?;
        let mut some = RawArray::default();
        while cursor.advance(&mut *self.session).await.map_err(ServerError::from)? {
            let document = cursor.current();
            if some.bytes() + document.as_bytes().len() > CARRIED_BYTES_MAX && !some.is_empty() {
                self.insert_raw(&std::mem::take(&mut some), into).await?;
            }
            some.push(document);
        }
        self.insert_raw(&some, into).await
    }

    async fn insert_raw(&mut self, some: &RawArray, into: &str) -> Result<(), BoxError> {
        if some.is_empty() {
            return Ok(());
        }
        let id = |document| Bson::try_from(raw(document, "_id")?).ok();
        let ids = || some.iter().map(id);
        let command = some.behind(&doc! { "insert": into, "ordered": true }, "documents")?;
        let sent = self.control.once_raw(&mut *self.session, command).await;
        sent.map(drop)
            .map_err(|error| in_document::of_statement(error.into(), &ids().collect::<Vec<_>>()))
    }

    async fn cursor(&mut self, mut command: Document) -> Result<SessionCursor<Document>, BoxError> {
        // As few documents at once as the full portion with the fewest has.
        let full = self.portions.split_last().map_or(&[][..], |(_, full)| full);
        let size = full.iter().copied().min().unwrap_or(Job::BATCH_MAX);
        match command.get_document_mut("cursor") {
            Ok(cursor) => cursor.insert("batchSize", size),
            Err(_) => command.insert("batchSize", size),
        };
        let cursor = self.control.database.run_cursor_command(command).batch_size(size);
        Ok(cursor.session(&mut *self.session).await.map_err(ServerError::from)?)
    }
}
