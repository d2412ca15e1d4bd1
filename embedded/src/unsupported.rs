//! The interface of this crate on a platform without an embedded server: every start is an error.

use std::{convert::Infallible, path::PathBuf};

use crate::{error::EmbeddedError, settings::Settings};

/// A running MongoDB. On this platform there is none: every start is an error.
#[derive(Debug)]
pub struct Embedded {
    never: Infallible,
}

impl Embedded {
    pub(crate) async fn start_with(_: Settings) -> Result<Self, EmbeddedError> {
        Err(EmbeddedError::Unsupported)
    }

    /// The connection string.
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
    /// Cannot be called on this platform: there is no handle.
    pub async fn kill_node(&self, _: usize) -> Result<(), EmbeddedError> {
        match self.never {}
    }

    /// Starts a node again.
    ///
    /// # Errors
    ///
    /// Cannot be called on this platform: there is no handle.
    pub async fn restart_node(&self, _: usize) -> Result<(), EmbeddedError> {
        match self.never {}
    }

    /// Freezes a node.
    ///
    /// # Errors
    ///
    /// Cannot be called on this platform: there is no handle.
    pub fn freeze_node(&self, _: usize) -> Result<(), EmbeddedError> {
        match self.never {}
    }

    /// Resumes a frozen node.
    ///
    /// # Errors
    ///
    /// Cannot be called on this platform: there is no handle.
    pub fn thaw_node(&self, _: usize) -> Result<(), EmbeddedError> {
        match self.never {}
    }

    /// Releases the handle.
    pub async fn stop(self) {
        match self.never {}
    }
}

/// Always fails on this platform.
///
/// # Errors
///
/// [`EmbeddedError::Unsupported`].
pub async fn mongod_binary() -> Result<PathBuf, EmbeddedError> {
    Err(EmbeddedError::Unsupported)
}
