//! One migration: all that is known of it.

use super::Migrator;
use crate::model::{error::Error, report::detail::MigrationDetail};

impl Migrator {
    /// Returns all that is known of one migration: the one with this version, or the repeatable one with
    /// this name. `None`: neither this build nor the database has it. Three round trips, and a few for
    /// the lints of a pending one; no write.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub async fn detail(&self, version_or_name: &str) -> Result<Option<MigrationDetail>, Error> {
        Box::pin(async move { self.runner()?.detail(version_or_name).await }).await
    }
}
