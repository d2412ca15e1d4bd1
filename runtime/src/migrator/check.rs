//! `check`: whether this build fits the database, as a gate.

use std::future::IntoFuture;

use super::{Boxed, Migrator};
use crate::model::{error::Error, report::plan::CheckReport};

impl Migrator {
    /// Checks that this build fits the database: nothing is pending, edited or out of order. Await
    /// the result. No write, no lock.
    pub fn check(&self) -> Check<'_> {
        Check { migrator: self, strict: false, allow_pending: false }
    }
}

/// Checks that this build fits the database. Made by [`Migrator::check`]; await it.
///
/// # Errors
///
/// [`Error::Renamed`], [`Error::Drift`], [`Error::OutOfOrder`], [`Error::Ahead`] (if the policy
/// refuses), [`Error::Lints`] (if the check is strict), [`Error::Pending`], in this order; and the
/// errors of [`Migrator::status`]. Nothing is written in any case.
#[derive(Debug)]
#[must_use = "nothing is checked until it is awaited"]
pub struct Check<'a> {
    migrator: &'a Migrator,
    strict: bool,
    allow_pending: bool,
}

impl Check<'_> {
    /// Refuses pending migrations that have lints, with [`Error::Lints`]. Default: `false`.
    pub fn strict(mut self, yes: bool) -> Self {
        self.strict = yes;
        self
    }

    /// Accepts pending migrations: for a check before a deployment. Default: `false`.
    pub fn allow_pending(mut self, yes: bool) -> Self {
        self.allow_pending = yes;
        self
    }
}

impl<'a> IntoFuture for Check<'a> {
    type Output = Result<CheckReport, Error>;
    type IntoFuture = Boxed<'a, CheckReport>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(
            async move { self.migrator.runner()?.check(self.strict, self.allow_pending).await },
        )
    }
}
