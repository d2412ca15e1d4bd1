//! `purge`: removes what rollbacks would need.

use std::{future::IntoFuture, time::Duration};

use super::{Boxed, Migrator};
use crate::{
    model::{error::Error, report::operator::PurgeReport, version::Version},
    verbs::purge::PurgeTarget,
};

impl Migrator {
    /// Removes what declared migrations keep for their rollback, and what rollbacks had to take
    /// away: dropped collections, values of removed fields, lossy conversions. Await it to
    /// remove all of it, or `preview()` it first.
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

/// Removes what is kept for rollbacks. Made by [`Migrator::purge`]; await it to remove.
///
/// The rollback of an applied migration whose kept collections are gone is refused, unless it
/// can do without. What an interrupted migration keeps is left alone.
///
/// # Errors
///
/// [`Error::LockHeld`]: nothing was removed. [`Error::Server`]: some may be gone. And those of
/// [`Migrator::status`].
#[derive(Debug)]
#[must_use = "nothing is removed until it is awaited"]
pub struct Purge<'a> {
    migrator: &'a Migrator,
    target: PurgeTarget,
}

impl Purge<'_> {
    /// Only what this migration keeps. Default: all.
    pub fn version(mut self, version: impl Into<Version>) -> Self {
        self.target.version = Some(version.into());
        self
    }

    /// Only of migrations that were last applied or rolled back at least so long ago, by the
    /// server's clock. Default: all.
    pub fn older_than(mut self, age: Duration) -> Self {
        self.target.older_than = Some(age);
        self
    }

    /// What it would remove. No write, no lock.
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
