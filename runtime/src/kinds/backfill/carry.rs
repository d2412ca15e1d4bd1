//! Documents that a batch reads as bytes, or carries into another collection, without decoding them.

use mongodb::{
    SessionCursor,
    bson::{Document, RawDocument},
};

use super::{job::Job, work::Batch};
use crate::{
    model::result::BoxError,
    mongo::{raw::RawArray, server_error::ServerError},
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
            if !some.has_room(document.as_bytes().len(), CARRIED_BYTES_MAX) {
                self.insert_raw(&std::mem::take(&mut some), into).await?;
            }
            some.push(document);
        }
        self.insert_raw(&some, into).await
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
