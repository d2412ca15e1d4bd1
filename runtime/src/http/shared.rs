//! The state that all requests share.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::Semaphore;

use super::{auth::Auth, guesses::Guesses, problem::Problem, runs::Runs, wire::texts::Texts};
use crate::{Error, Migrator};

/// The state that the handlers and the guards share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(super) migrator: Migrator,
    pub(super) auth: Auth,
    pub(super) origins: Vec<String>,
    pub(super) hosts: Vec<String>,
    pub(super) create_in: Option<PathBuf>,
    pub(super) texts: Texts,
    pub(super) runs: Arc<Runs>,
    pub(super) guesses: Guesses,
    pub(super) places: Arc<Semaphore>,
    pub(super) queue: Semaphore,
    pub(super) waits: Semaphore,
    pub(super) streams: Arc<Semaphore>,
}

impl Shared {
    pub(crate) fn problem(&self, error: Error) -> Problem {
        Problem::of(error, self.texts)
    }
}
