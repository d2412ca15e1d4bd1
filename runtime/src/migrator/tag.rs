//! `tag`: names for states of the history.

use std::future::IntoFuture;

use super::{Boxed, Migrator};
use crate::{
    model::{
        error::Error,
        report::tag::{TagReport, TagsReport},
    },
    verbs::tag::Tagging,
};

impl Migrator {
    /// Names the present state of the history: the set of migrations that are applied.
    /// [`Down::to_tag`](crate::Down::to_tag) leads back to it. Await the result.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
    /// migrator.tag("before the sale").why("release 1.4").await?;
    /// migrator.up().await?;
    /// migrator.down().to_tag("before the sale").await?;
    /// migrator.remove_tag("before the sale").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tag(&self, name: impl Into<String>) -> SetTag<'_> {
        let tagging = Tagging { name: name.into(), moves: false, why: None };
        SetTag { migrator: self, tagging }
    }

    /// Removes a tag. The migrations stay as they are.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownTag`], [`Error::LockHeld`]: nothing was written. And the errors of
    /// [`status`](Self::status).
    pub async fn remove_tag(&self, name: impl Into<String>) -> Result<TagReport, Error> {
        Box::pin(self.runner()?.untag(name.into())).await
    }

    /// Returns the tags, oldest first, each with the number of migrations that
    /// [`Down::to_tag`](crate::Down::to_tag) would roll back. Two round trips, no write.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub async fn tags(&self) -> Result<TagsReport, Error> {
        Box::pin(self.runner()?.tags()).await
    }
}

/// Names the present state. Made by [`Migrator::tag`]; await it.
///
/// It is decided and written under the lock, in one guarded transaction: it waits for a run under way as
/// long as [`Migrator::wait`] says, and no run changes the state in between. Who named it, when and why
/// is in the history.
///
/// A name has 1 to 100 bytes, no control characters and no blank at either end. Several names for one
/// state are possible, and up to 1,000 tags.
///
/// # Errors
///
/// - [`Error::Settings`]: the name is none, or nothing is applied.
/// - [`Error::TagTaken`]: the name is another state's already; see [`moving`](Self::moving).
/// - [`Error::WrongState`]: a migration is half-done, so that no rollback would lead back to this state.
/// - [`Error::LockHeld`], [`Error::Renamed`], and the errors of [`Migrator::status`].
///
/// Nothing was written in any of these cases.
///
/// # Cancel safety
///
/// Safe to drop; the name may have been given all the same.
#[derive(Debug)]
#[must_use = "nothing runs until it is awaited"]
pub struct SetTag<'a> {
    migrator: &'a Migrator,
    tagging: Tagging,
}

impl SetTag<'_> {
    /// Takes the name from another state that has it. Default: refused.
    pub fn moving(mut self, yes: bool) -> Self {
        self.tagging.moves = yes;
        self
    }

    /// Why, for those who read the tags and the history: up to 500 bytes.
    pub fn why(mut self, why: impl Into<String>) -> Self {
        let why = why.into();
        self.tagging.why = (!why.trim().is_empty()).then_some(why);
        self
    }
}

impl<'a> IntoFuture for SetTag<'a> {
    type Output = Result<TagReport, Error>;
    type IntoFuture = Boxed<'a, TagReport>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.migrator.runner()?.tag(self.tagging).await })
    }
}
