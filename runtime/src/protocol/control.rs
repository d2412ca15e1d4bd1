//! Sends a command and reads its reply by hand.
//!
//! `run_command` returns `Ok` for a reply that holds `writeErrors` or a `writeConcernError`; only
//! this file looks for them. Commands are sent without the driver's typed helpers, so that what
//! goes over the wire is exactly what is written here.

use std::time::Duration;

use mongodb::{
    Client, ClientSession, Database,
    bson::{Bson, Document, RawDocument, RawDocumentBuf, Timestamp, doc},
    options::{DatabaseOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern},
};

use super::retry::Backoff;
use crate::{
    model::{config::Retries, error::Error},
    mongo::{code, product::Product, reply::first_batch, server_error::ServerError},
};

/// The control collection, and how to talk to it.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    pub database: Database,
    pub collection: String,
    pub retries: Retries,
}

impl Control {
    /// A control collection of this database. The settings of its client are ignored: a stale
    /// secondary, or a write concern that one node cannot meet, would break the protocol, and also
    /// the bodies, which get this handle.
    pub(crate) fn new(database: &Database, collection: String, retries: Retries) -> Self {
        let database = on_primary(database.client(), database.name());
        Self { database, collection, retries }
    }

    /// How long a command may wait for the majority of the replica set.
    pub(crate) const MAJORITY_WAIT: Duration = Duration::from_secs(20);

    /// The error of a failed write of the control collection. It says so if the collection itself is
    /// the reason, which is checked only now.
    pub(crate) async fn explained(&self, action: &'static str, error: ServerError) -> Error {
        let foreign = |id: String, problem: String| Error::Corrupt {
            collection: Some(self.collection.clone()),
            id,
            problem,
        };
        if let Some(index) = error.foreign_index() {
            let problem = "is unique (E11000), and mongrate's documents do not have its fields";
            return foreign(format!("its index `{index}`"), problem.to_owned());
        }
        // What the user may not do, and what may succeed at the next try, is not the collection's
        // fault.
        let is_of_the_moment = matches!(
            error.code(),
            None | Some(
                code::UNAUTHORIZED
                    | code::AUTHENTICATION_FAILED
                    | code::LOCK_TIMEOUT
                    | code::MAX_TIME_MS_EXPIRED
                    | code::WRITE_CONFLICT
            )
        );
        if error.is_retryable() || is_of_the_moment {
            return Error::server(action, error);
        }
        let command = doc! { "listCollections": 1, "filter": { "name": &self.collection } };
        let found = self.once(None, command).await.ok();
        let found = found.as_ref().and_then(|reply| first_batch(reply).next());
        let kind = found.and_then(|found| found.get_str("type").ok()).unwrap_or_default();
        let none = Document::new();
        let options = found.and_then(|found| found.get_document("options").ok()).unwrap_or(&none);
        // A collection with a validator can refuse a write for other reasons, too.
        let problem = unfit(kind, options).filter(|problem| {
            !problem.contains("validator")
                || error.code() == Some(code::DOCUMENT_VALIDATION_FAILURE)
        });
        match problem {
            Some(problem) => foreign("it".to_owned(), problem.to_owned()),
            None => Error::server(action, error),
        }
    }

    /// The same before anything was written: it says so, too, if the product is the reason.
    pub(crate) async fn explained_at_first(
        &self,
        action: &'static str,
        error: ServerError,
    ) -> Error {
        let may_be_the_product = error.code().is_some()
            && !error.is_retryable()
            && !matches!(error.code(), Some(code::UNAUTHORIZED | code::AUTHENTICATION_FAILED));
        if may_be_the_product {
            if let Err(unsupported @ Error::UnsupportedServer { .. }) = self.product().await {
                return unsupported;
            }
            if error.code().is_some_and(code::is_unknown_command) {
                let reason = format!("it refuses a command that migrations need: {error}");
                return Error::UnsupportedServer { reason };
            }
        }
        self.explained(action, error).await
    }

    /// Asks the server what it is: two commands, which only an unusual answer is worth. An error for
    /// a product that lacks what migrations need.
    pub(crate) async fn product(&self) -> Result<Product, Error> {
        let admin = self.database.client().database("admin");
        // `hello` came with 4.4.2.
        let hello = match admin.run_command(doc! { "hello": 1 }).await {
            Ok(hello) => Ok(hello),
            Err(_) => admin.run_command(doc! { "isMaster": 1 }).await,
        };
        let hello = hello.map_err(|error| Error::server("ask the server what it is", error))?;
        let build_info = admin.run_command(doc! { "buildInfo": 1 }).await.unwrap_or_default();
        let product = Product::recognise(&hello, &build_info);
        match product.lacks() {
            Some(lack) => Err(Error::UnsupportedServer {
                reason: format!(
                    "{lack} (guide \"Which servers work\", \"Products that are nearly MongoDB\")"
                ),
            }),
            None => Ok(product),
        }
    }

    /// Sends a command once.
    pub(crate) async fn once(
        &self,
        session: Option<&mut ClientSession>,
        command: Document,
    ) -> Result<Document, ServerError> {
        let action = self.database.run_command(command);
        let reply = match session {
            Some(session) => action.session(session).await?,
            None => action.await?,
        };
        refuse_partial(&reply)?;
        Ok(reply)
    }

    /// Sends a command that is BSON already, once.
    pub(crate) async fn once_raw(
        &self,
        session: &mut ClientSession,
        command: RawDocumentBuf,
    ) -> Result<Document, ServerError> {
        let reply = self.database.run_raw_command(command).session(session).await?;
        refuse_partial(&reply)?;
        Ok(reply)
    }

    /// Sends an *idempotent* command, and retries it if the network or an election got in its way.
    pub(crate) async fn retrying(
        &self,
        mut session: Option<&mut ClientSession>,
        command: Document,
    ) -> Result<Document, ServerError> {
        let mut backoff = Backoff::new(self.retries);
        loop {
            match self.once(session.as_deref_mut(), command.clone()).await {
                Err(error) if backoff.again_after(&error).await => {}
                outcome => return outcome,
            }
        }
    }

    /// An ordered `update` of the control collection.
    pub(crate) fn update(&self, statements: Vec<Document>) -> Document {
        doc! { "update": &self.collection, "updates": statements, "ordered": true }
    }

    /// The same update, acknowledged by a majority.
    pub(crate) fn majority_update(&self, statements: Vec<Document>) -> Document {
        let mut command = self.update(statements);
        command.insert("writeConcern", majority());
        command
    }

    /// Finds every document that the filter matches. One round trip for each 16 MB of reply.
    pub(crate) async fn find(
        &self,
        session: Option<&mut ClientSession>,
        filter: Document,
        projection: Document,
    ) -> Result<Vec<Document>, ServerError> {
        let after = session.as_deref().and_then(ClientSession::operation_time);
        self.find_after(after, session, filter, projection).await
    }

    /// The same, in a state that is not older than `after`.
    pub(crate) async fn find_after(
        &self,
        after: Option<Timestamp>,
        session: Option<&mut ClientSession>,
        filter: Document,
        projection: Document,
    ) -> Result<Vec<Document>, ServerError> {
        let add =
            |found: &mut Vec<_>, document: &RawDocument| found.push(Document::try_from(document));
        let found = self.find_each(after, session, filter, projection, add).await?;
        found.into_iter().map(|document| document.map_err(unreadable)).collect()
    }

    /// The same, but gives each document to `add` as it came over the wire: decoding and copying are
    /// most of the cost of a long history. A retry after a network error begins with a new `T`.
    pub(crate) async fn find_each<T: Default>(
        &self,
        after: Option<Timestamp>,
        mut session: Option<&mut ClientSession>,
        filter: Document,
        projection: Document,
        add: impl Fn(&mut T, &RawDocument),
    ) -> Result<T, ServerError> {
        let mut concern = doc! { "level": "majority" };
        if let Some(time) = after {
            concern.insert("afterClusterTime", time);
        }
        // How long the server may wait until a majority has what was seen.
        let wait_max = after.map(|_| Self::MAJORITY_WAIT);
        let mut command = doc! {
            "find": &self.collection,
            "filter": filter,
            "batchSize": 1_000_000,
            "readConcern": concern,
        };
        if !projection.is_empty() {
            command.insert("projection", projection);
        }
        if let Some(wait_max) = wait_max {
            command.insert("maxTimeMS", millis(wait_max));
        }
        let mut backoff = Backoff::new(self.retries);
        loop {
            match self.each(session.as_deref_mut(), command.clone(), &add).await {
                Err(error) if backoff.again_after(&error).await => {}
                Err(error)
                    if wait_max.is_some() && error.code() == Some(code::MAX_TIME_MS_EXPIRED) =>
                {
                    let why = "a majority of the replica set does not keep up";
                    return Err(ServerError::in_reply(why, None));
                }
                outcome => return outcome,
            }
        }
    }

    /// Gives every document of a command with a cursor to `add`.
    async fn each<T: Default>(
        &self,
        session: Option<&mut ClientSession>,
        command: Document,
        add: &impl Fn(&mut T, &RawDocument),
    ) -> Result<T, ServerError> {
        let action = self.database.run_cursor_command(command);
        let mut found = T::default();
        match session {
            Some(session) => {
                let mut cursor = action.session(&mut *session).await?;
                while cursor.advance(&mut *session).await? {
                    add(&mut found, cursor.current());
                }
            }
            None => {
                let mut cursor = action.await?;
                while cursor.advance().await? {
                    add(&mut found, cursor.current());
                }
            }
        }
        Ok(found)
    }
}

/// A database handle whose reads and writes do not depend on the client's defaults.
pub(crate) fn on_primary(client: &Client, name: &str) -> Database {
    let options = DatabaseOptions::builder()
        .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
        .read_concern(ReadConcern::local())
        .write_concern(WriteConcern::majority())
        .build();
    client.database_with_options(name, options)
}

/// Why a write of the control collection can never succeed, if the kind of the collection is the
/// reason. `options` are those that `listCollections` returns.
fn unfit(kind: &str, options: &Document) -> Option<&'static str> {
    let is = |option: &str| options.get_bool(option).unwrap_or(false);
    match kind {
        "view" => Some("is a view, which nothing can be written into"),
        "timeseries" => Some("is a time-series collection, which cannot hold a history"),
        _ if is("capped") => Some(
            "is a capped collection, which loses its oldest documents and knows no transactions",
        ),
        _ if options.get_document("validator").is_ok_and(|validator| !validator.is_empty()) => {
            Some("has a validator that does not let mongrate's documents in")
        }
        _ => None,
    }
}

/// The write concern of every write that is not in a transaction, except for the acquisition of
/// the lock.
pub(crate) fn majority() -> Document {
    doc! { "w": "majority", "wtimeout": millis(Control::MAJORITY_WAIT) }
}

/// As a server takes it.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The error for a document of the control collection that is not valid BSON.
pub(crate) fn unreadable(error: impl std::fmt::Display) -> ServerError {
    ServerError::in_reply(&format!("a document that cannot be decoded: {error}"), None)
}

/// Refuses a reply that says `ok` but holds a write error.
fn refuse_partial(reply: &Document) -> Result<(), ServerError> {
    let in_array = reply.get_array("writeErrors").ok().and_then(|errors| errors.first());
    let concern = reply.get_document("writeConcernError").ok();
    let Some(error) = in_array.and_then(Bson::as_document).or(concern) else { return Ok(()) };
    Err(ServerError::in_write(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_error_in_an_ok_reply_is_seen() {
        let reply = doc! {
            "ok": 1, "n": 0,
            "writeErrors": [{ "index": 0, "code": 11000, "errmsg": "E11000 duplicate key" }],
        };
        assert_eq!(refuse_partial(&reply).unwrap_err().code(), Some(11_000));
        let reply = doc! { "ok": 1, "n": 1, "writeConcernError": { "code": 64, "errmsg": "slow" } };
        assert_eq!(refuse_partial(&reply).unwrap_err().code(), Some(64));
        refuse_partial(&doc! { "ok": 1, "n": 1 }).unwrap();
    }
}
