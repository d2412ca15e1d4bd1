//! `history --runs`: the runs of a history.

use super::Migrator;
use crate::model::{error::Error, report::runs::RunsReport};

impl Migrator {
    /// Returns the runs that the last events of the migrations and the lock tell of, newest first:
    /// those of every process, the one under way included. Three round trips, no write.
    ///
    /// A migration keeps its last 20 events, so an older run may be shown with fewer migrations than it
    /// had, or not at all. A run that was killed within or between transactions is shown as interrupted
    /// only until another run takes the lock; then as one that did what it had committed.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub async fn runs(&self) -> Result<RunsReport, Error> {
        Box::pin(async move { self.runner()?.runs().await }).await
    }
}
