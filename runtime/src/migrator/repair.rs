//! `repair`, `baseline`, `resolve`, `force_unlock`: records that an operator corrects.

use std::future::IntoFuture;

use super::{Boxed, Migrator};
use crate::model::{
    error::Error,
    report::operator::{RecordReport, RepairReport, UnlockReport},
    state::Resolution,
    version::Version,
};

impl Migrator {
    /// Records every migration up to and including `version` as applied, and runs none: for a
    /// database that has their effects already. All are recorded in one transaction, or none.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownVersion`], [`Error::LockHeld`]: nothing was written. And the errors of
    /// [`status`](Self::status).
    pub async fn baseline(&self, version: impl Into<Version>) -> Result<RecordReport, Error> {
        Box::pin(self.runner()?.baseline(version.into())).await
    }

    /// Records an operator's statement about a migration that was interrupted or failed half-way
    /// (it *is* applied, or it is *not*), or that is recorded as applied although its effects were
    /// undone by hand. Runs nothing.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownVersion`], [`Error::WrongState`] (the migration is in that state already, or it
    /// is applied and the answer is [`Resolution::Pending`]), [`Error::LockHeld`]: nothing was
    /// written. And the errors of [`status`](Self::status).
    pub async fn resolve(
        &self,
        version: impl Into<Version>,
        answer: Resolution,
    ) -> Result<RecordReport, Error> {
        Box::pin(self.runner()?.resolve(version.into(), answer)).await
    }

    /// Records the checksums of this build for applied migrations, and rebuilds the digest of the
    /// history. Await it to write, or call `preview()` first.
    ///
    /// A record with another *name* is taken for another migration's, and refused, unless
    /// [`Repair::renamed`] names its version.
    pub fn repair(&self) -> Repair<'_> {
        Repair { migrator: self, renamed: Vec::new() }
    }

    /// Takes the lock from a holder that is known to be dead, and leaves an event. `fence`
    /// is the number that [`lock_status`](Self::lock_status) showed.
    ///
    /// Safe even if the holder is alive: it stops at its next heartbeat (a third of the lease) with
    /// [`Error::LockLost`], which names the process that took the lock, and does not take the lock
    /// again. As soon as another process has the lock, the database refuses the former holder's
    /// next commit.
    ///
    /// # Errors
    ///
    /// [`Error::FenceMismatch`]: the lock has another fence number now, or is free; it was left alone.
    pub async fn force_unlock(&self, fence: i64) -> Result<UnlockReport, Error> {
        self.runner()?.force_unlock(fence).await
    }
}

/// Records the checksums of this build. Made by [`Migrator::repair`]; await it to write.
///
/// # Errors
///
/// [`Error::Renamed`] (records have other names than this build's migrations), [`Error::LockHeld`]:
/// nothing was written. And the errors of [`Migrator::status`]. All is written in one transaction.
#[derive(Debug)]
#[must_use = "nothing runs until it is awaited"]
pub struct Repair<'a> {
    migrator: &'a Migrator,
    renamed: Vec<Version>,
}

impl<'a> Repair<'a> {
    /// Says that this migration was renamed after it was applied: its new name and its checksum are
    /// recorded. Without this, a record with another name is taken for another app's, and refused.
    /// May be called several times.
    pub fn renamed(mut self, version: impl Into<Version>) -> Self {
        self.renamed.push(version.into());
        self
    }

    /// Returns what the repair would write. No write, no lock.
    ///
    /// # Errors
    ///
    /// As [`Migrator::status`].
    pub async fn preview(self) -> Result<RepairReport, Error> {
        Box::pin(self.migrator.runner()?.repair(&self.renamed, false)).await
    }
}

impl<'a> IntoFuture for Repair<'a> {
    type Output = Result<RepairReport, Error>;
    type IntoFuture = Boxed<'a, RepairReport>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.migrator.runner()?.repair(&self.renamed, true).await })
    }
}
