//! What was read and measured, before anything is made of it.

use std::time::Duration;

use mongodb::bson::Document;

use crate::{
    kinds::effect::Operation,
    model::{
        error::Error,
        policies::{PolicyRefusal, PolicyReport},
        version::Version,
    },
    mongo::{privileges::Privileges, server_error::ServerError},
};

/// What a server answered, or why it did not.
pub(super) type Answer<T> = Result<T, ServerError>;

/// What `doctor` judges by.
#[derive(Debug)]
pub(super) struct Facts {
    pub database: String,
    pub control: String,
    pub hello: Document,
    pub build_info: Document,
    /// The configuration of the replica set.
    pub config: Answer<Document>,
    /// The shortest of a few round trips.
    pub round_trip: Duration,
    pub clock_ahead_ms: Option<i64>,
    pub privileges: Answer<Privileges>,
    /// The answer to `getParameter`: the feature compatibility version and the lifetime of transactions.
    pub parameters: Answer<Document>,
    pub defaults: Answer<Document>,
    pub kill_sessions: Answer<()>,
    pub majority: Answer<Duration>,
    /// The answer to `serverStatus`: the oplog and the cache.
    pub status: Answer<Document>,
    /// The size that the oplog may have.
    pub oplog_bytes: Answer<u64>,
    /// Whether the control collection can be read, and is Mongrate's.
    pub state: Result<(), Error>,
    /// The collection of the audit log, if runs write into one.
    pub log: Option<String>,
    /// Why `up` refuses the history, if it can be read.
    pub plan: Result<(), Error>,
    /// The policies that hold.
    pub policies: Result<Vec<PolicyReport>, Error>,
    /// Why they refuse what is pending now.
    pub refusals: Vec<PolicyRefusal>,
    /// What is pending; `None` if the history cannot be read.
    pub pending: Option<Vec<Pending>>,
    /// Whether the deployment has search; asked only if a pending migration needs it.
    pub search: Answer<()>,
}

impl Facts {
    /// The pending migrations, as far as they are known.
    pub(super) fn known(&self) -> &[Pending] {
        self.pending.as_deref().unwrap_or_default()
    }
}

/// A pending migration.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub version: Version,
    pub name: &'static str,
    /// What it declares; empty if it is not a declared migration.
    pub operations: Vec<Operation>,
    pub rewrites: Vec<Rewrites>,
}

/// What an operation rewrites.
#[derive(Clone, Debug)]
pub(super) struct Rewrites {
    /// How many documents, about; `None` if they could not be counted in time.
    pub documents: Option<u64>,
    /// The average size of a document of the collection, if it is known.
    pub bytes_each: Option<u64>,
}

impl Pending {
    pub(super) fn text(&self) -> String {
        format!("{} `{}`", self.version, self.name)
    }
}
