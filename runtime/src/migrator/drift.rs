//! `drift`: compares the live schema with the expected one.

use std::future::IntoFuture;

use super::{Boxed, Migrator};
use crate::{
    model::{error::Error, report::schema_drift::SchemaDriftReport},
    verbs::drift::DriftOptions,
};

impl Migrator {
    /// Compares the schema of the database with the schema that the migrations of this build lead
    /// to: the `models.snap` of the linked packages. Await the result. No write, no lock.
    ///
    /// Validators and indexes count, for the collections that have models. Of other collections,
    /// those and their indexes count as extra that no declared migration of this build names: what
    /// transactional and online migrations create there is not known. Mongrate's own collections,
    /// and those of the server, never count.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
    /// let report = migrator.drift().ignore("tmp.*").sample(1_000).await?;
    /// for difference in &report.differences {
    ///     println!("{} of {}: {:?}", difference.kind, difference.collection, difference.shell);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn drift(&self) -> SchemaDriftCheck<'_> {
        let (ignored, models) = (self.settings.ignored_drift.clone(), self.settings.models.clone());
        let options = DriftOptions { ignored, sample: None, models };
        SchemaDriftCheck { migrator: self, options }
    }
}

/// Compares the live schema with the expected one. Made by [`Migrator::drift`]; await it.
///
/// Round trips: 3, and one for each collection of the database; with a sample, one more for each
/// collection with models. The number of documents does not count, unless they are sampled.
///
/// # Errors
///
/// [`Error::Settings`]: a pattern or a number is wrong, or no package of this build has a
/// `models.snap`. [`Error::Registry`]: a `models.snap` cannot be read, or two of them disagree. And the
/// errors of [`Migrator::status`]. Nothing is written in any case. Differences are no error: see
/// [`SchemaDriftReport::refused`].
#[derive(Debug)]
#[must_use = "nothing is compared until it is awaited"]
pub struct SchemaDriftCheck<'a> {
    migrator: &'a Migrator,
    options: DriftOptions,
}

impl SchemaDriftCheck<'_> {
    /// Adds a pattern to the ignore list: see [`Migrator::ignore_drift`].
    pub fn ignore(mut self, pattern: impl Into<String>) -> Self {
        self.options.ignored.add(pattern);
        self
    }

    /// Also takes this many random documents of each collection that has models, and has the server
    /// count those that do not have the shape of a model, by field; 1 to 1,000,000. No value of a
    /// document is read. Default: none.
    pub fn sample(mut self, documents: u32) -> Self {
        self.options.sample = Some(documents);
        self
    }
}

impl<'a> IntoFuture for SchemaDriftCheck<'a> {
    type Output = Result<SchemaDriftReport, Error>;
    type IntoFuture = Boxed<'a, SchemaDriftReport>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.migrator.runner()?.drift(&self.options).await })
    }
}
