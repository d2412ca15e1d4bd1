//! What a runner sees of the database before it has the lock.

use std::sync::PoisonError;

use super::{
    Runner,
    peek::{self, Peek},
};
use crate::{model::error::Error, telemetry::metrics};

impl Runner {
    /// Whether exactly what this build has is applied. One round trip of constant size.
    pub(crate) async fn is_current(&self) -> Result<bool, Error> {
        let digest = self.peek_meanwhile().await?.applied;
        let is_current = digest == Some(self.registry.digest());
        if is_current {
            let database = self.control.database.name();
            metrics::counted(&self.settings.group, database, self.registry.wanted(), 0);
        }
        Ok(is_current)
    }

    /// Peeks, and computes the digest of this build while it waits for the reply. The first time it is the
    /// look that was on its way before there was this runner, if there was one.
    pub(crate) async fn peek_meanwhile(&self) -> Result<Peek, Error> {
        let first = self.first_look.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(first) = first {
            return *first;
        }
        let made = async {
            self.registry.digest();
        };
        // In this order: the command goes out first.
        tokio::join!(self.peek(), made).0
    }

    /// Peeks.
    pub(crate) async fn peek(&self) -> Result<Peek, Error> {
        peek::peek(&self.control, self.settings.local_takeover).await
    }
}
