//! Reads the fence and every record in one round trip.

use mongodb::{
    ClientSession,
    bson::{Document, RawDocument, doc},
};

use super::{
    audit::requests::Requests,
    checkpoint::partition,
    control::{self, Control},
    fence,
    history::History,
    record::Record,
};
use crate::{model::error::Error, mongo::fields::Fields as _, protocol::documents::LOCK_ID};

/// Reads the fence and every record. One round trip.
pub(crate) async fn read_all(
    control: &Control,
    session: Option<&mut ClientSession>,
) -> Result<(History, fence::Fence), Error> {
    let after = session.as_deref().and_then(ClientSession::operation_time);
    // The events are read, too, though nothing here needs them: a projection takes the server
    // longer than sending the few events that a record has.
    control
        .find_each(after, session, doc! {}, doc! {}, ControlDocuments::add)
        .await
        .map_err(|error| Error::server("read the history", error))?
        .done()
}

/// Reads the fence and what waits in the lock for the audit log, as a majority has them. One round trip.
pub(crate) async fn read_fence(control: &Control) -> Result<fence::Fence, Error> {
    let filter = doc! { "_id": { "$in": [fence::ID, LOCK_ID] } };
    control
        .find_each(None, None, filter, doc! {}, ControlDocuments::add)
        .await
        .map_err(|error| Error::server("read the fence", error))?
        .done()
        .map(|(_, fence)| fence)
}

/// The documents of a control collection, sorted by their kind.
#[derive(Default)]
pub(crate) struct ControlDocuments {
    fence: fence::Fence,
    requests: Requests,
    records: Vec<Record>,
    backfills: Vec<partition::Partition>,
    /// What is wrong with the first document that cannot be read.
    problem: Option<Error>,
}

impl ControlDocuments {
    /// Adds a document. Once a document could not be read, the others are ignored.
    pub(crate) fn add(&mut self, document: &RawDocument) {
        if self.problem.is_none() {
            self.problem = self.take(document).err();
        }
    }

    fn take(&mut self, document: &RawDocument) -> Result<(), Error> {
        let decoded = || {
            let unreadable = |error| Error::server("read the history", control::unreadable(error));
            Document::try_from(document).map_err(unreadable)
        };
        match document.text("_id") {
            Some(LOCK_ID) => self.requests = Requests::read(document),
            Some(fence::ID) => self.fence = fence::Fence::parse(&decoded()?)?,
            Some(id) if id.starts_with(partition::ID_PREFIX) => {
                self.backfills.extend(partition::Partition::parse(&decoded()?));
            }
            _ => self.records.push(Record::parse(document)?),
        }
        Ok(())
    }

    /// Returns the history and the fence, or the first problem.
    pub(crate) fn done(self) -> Result<(History, fence::Fence), Error> {
        match self.problem {
            Some(problem) => Err(problem),
            None => {
                let fence = fence::Fence { requests: self.requests, ..self.fence };
                Ok((History::new(self.records, self.backfills), fence))
            }
        }
    }
}
