//! The same interface where it cannot work: it compiles, and says so.

use std::{convert::Infallible, path::PathBuf};

use super::{EmbeddedBuilder, EmbeddedError, settings::Settings};

/// A running MongoDB. There is none on this platform: every way to one is an error.
#[derive(Debug)]
pub struct Embedded {
    never: Infallible,
}

impl Embedded {
    /// Settings to start from.
    pub fn builder() -> EmbeddedBuilder {
        EmbeddedBuilder::default()
    }

    /// Always fails here.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::Unsupported`].
    pub async fn start() -> Result<Self, EmbeddedError> {
        Self::builder().start().await
    }

    pub(super) async fn start_with(_: Settings) -> Result<Self, EmbeddedError> {
        Err(EmbeddedError::Unsupported)
    }

    /// How to reach it.
    pub fn uri(&self) -> &str {
        match self.never {}
    }

    /// The process id of the first node.
    pub fn pid(&self) -> Option<u32> {
        match self.never {}
    }

    /// The process id of a node.
    pub fn node_pid(&self, _: usize) -> Option<u32> {
        match self.never {}
    }

    /// The nodes' addresses.
    pub fn hosts(&self) -> Vec<String> {
        match self.never {}
    }

    /// Kills a node.
    ///
    /// # Errors
    ///
    /// Cannot be called here.
    pub async fn kill_node(&self, _: usize) -> Result<(), EmbeddedError> {
        match self.never {}
    }

    /// Starts a node again.
    ///
    /// # Errors
    ///
    /// Cannot be called here.
    pub async fn restart_node(&self, _: usize) -> Result<(), EmbeddedError> {
        match self.never {}
    }

    /// Stops a node in its tracks.
    ///
    /// # Errors
    ///
    /// Cannot be called here.
    pub fn freeze_node(&self, _: usize) -> Result<(), EmbeddedError> {
        match self.never {}
    }

    /// Lets a frozen node go on.
    ///
    /// # Errors
    ///
    /// Cannot be called here.
    pub fn thaw_node(&self, _: usize) -> Result<(), EmbeddedError> {
        match self.never {}
    }

    /// Lets go.
    pub async fn stop(self) {
        match self.never {}
    }
}

/// Always fails here.
///
/// # Errors
///
/// [`EmbeddedError::Unsupported`].
pub async fn mongod_binary() -> Result<PathBuf, EmbeddedError> {
    Err(EmbeddedError::Unsupported)
}
