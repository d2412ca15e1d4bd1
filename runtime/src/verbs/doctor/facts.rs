//! What was read and measured, before anything is made of it.

use std::time::Duration;

use mongodb::bson::Document;

use crate::{
    kinds::effect::Operation,
    model::{error::Error, version::Version},
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
    /// Whether the state of the migrations can be read.
    pub state: Result<(), Error>,
    pub pending: Vec<Pending>,
    /// Whether the deployment has search; asked only if a pending migration needs it.
    pub search: Answer<()>,
}

/// A pending migration; if the history cannot be read, any migration.
#[derive(Debug)]
pub(super) struct Pending {
    pub version: Version,
    pub name: &'static str,
    /// What it declares; empty if it is not a declared migration.
    pub operations: Vec<Operation>,
    /// How many documents it changes, about, as far as it declares that.
    pub documents: u64,
}

impl Pending {
    pub(super) fn text(&self) -> String {
        format!("{} `{}`", self.version, self.name)
    }
}
