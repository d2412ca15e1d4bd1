//! `history`: which events are read.

use std::future::IntoFuture;

use super::{Boxed, Migrator};
use crate::{
    model::{error::Error, report::history::HistoryReport, version::Version},
    verbs::history::HistoryFilter,
};

impl Migrator {
    /// Returns the last events, oldest first: at most 20 of each migration, and 20 requests of
    /// operators. Await it for all of them, or choose some first.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
    /// for event in migrator.history().release("shop 1.4.0").await?.events {
    ///     println!("{} {} {}", event.at, event.event, event.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn history(&self) -> History<'_> {
        History { migrator: self, filter: HistoryFilter::default() }
    }
}

/// Reads the history. Made by [`Migrator::history`]; await it.
///
/// Two round trips. No write, no lock.
///
/// # Errors
///
/// [`Error::ReleaseWithoutEvent`], [`Error::UnknownVersion`], or [`Error::Settings`] (`event`) for a name
/// that does not exist: each but the second names those that do. And the errors of [`Migrator::status`].
#[derive(Debug)]
#[must_use = "nothing is read until it is awaited"]
pub struct History<'a> {
    migrator: &'a Migrator,
    filter: HistoryFilter,
}

impl History<'_> {
    /// Only what this release did, by the name that [`Who::release`](crate::Who::release) has.
    pub fn release(mut self, release: impl Into<String>) -> Self {
        self.filter.release = Some(release.into());
        self
    }

    /// Only the events of this migration.
    pub fn version(mut self, version: impl Into<Version>) -> Self {
        self.filter.version = Some(version.into());
        self
    }

    /// Only the events of this kind, such as `failed`.
    pub fn event(mut self, event: impl Into<String>) -> Self {
        self.filter.event = Some(event.into());
        self
    }
}

impl<'a> IntoFuture for History<'a> {
    type Output = Result<HistoryReport, Error>;
    type IntoFuture = Boxed<'a, HistoryReport>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.migrator.runner()?.history(&self.filter).await })
    }
}
