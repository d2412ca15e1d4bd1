//! `purge`: removes the kept collections, which rollbacks would need.

use std::{future::IntoFuture, time::Duration};

use super::{Boxed, Migrator};
use crate::{
    model::{error::Error, report::operator::PurgeReport, version::Version},
    verbs::purge::PurgeTarget,
};

impl Migrator {
    /// Removes the kept collections: what declared migrations keep for their rollback, and what
    /// rollbacks had to take away (dropped collections, values of removed fields, lossy
    /// conversions). Await it to remove them all, or call `preview()` first.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
    /// let month = std::time::Duration::from_secs(30 * 24 * 3_600);
    /// migrator.purge().older_than(month).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn purge(&self) -> Purge<'_> {
        Purge { migrator: self, target: PurgeTarget::default() }
    }
}

/// Removes kept collections. Made by [`Migrator::purge`]; await it to remove them.
///
/// Afterwards the rollback of a migration that needs its kept collections is refused. The kept
/// collections of an interrupted migration are not removed.
///
/// # Errors
///
/// [`Error::LockHeld`]: nothing was removed. [`Error::Server`]: some collections may be removed. And
/// the errors of [`Migrator::status`].
#[derive(Debug)]
#[must_use = "nothing is removed until it is awaited"]
pub struct Purge<'a> {
    migrator: &'a Migrator,
    target: PurgeTarget,
}

impl Purge<'_> {
    /// Removes only the collections of this migration. Default: of all migrations.
    pub fn version(mut self, version: impl Into<Version>) -> Self {
        self.target.version = Some(version.into());
        self
    }

    /// Removes only the collections of migrations that were last applied or rolled back at least
    /// this long ago, by the server's clock. Default: of all migrations.
    pub fn older_than(mut self, age: Duration) -> Self {
        self.target.older_than = Some(age);
        self
    }

    /// Returns what the purge would remove. No write, no lock.
    ///
    /// # Errors
    ///
    /// As [`Migrator::status`].
    pub async fn preview(self) -> Result<PurgeReport, Error> {
        Box::pin(self.migrator.runner()?.purge(self.target, false)).await
    }
}

impl<'a> IntoFuture for Purge<'a> {
    type Output = Result<PurgeReport, Error>;
    type IntoFuture = Boxed<'a, PurgeReport>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.migrator.runner()?.purge(self.target, true).await })
    }
}
