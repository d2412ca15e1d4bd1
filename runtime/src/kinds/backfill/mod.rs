//! Backfills: changes of any size, in batches that commit together with their checkpoint.

mod carry;
mod culprit;
pub(crate) mod in_document;
pub(crate) mod job;
pub(crate) mod run;
pub(crate) mod scout;
pub(crate) mod shared;
mod size;
mod throttle;
pub(crate) mod twice;
pub(crate) mod work;
pub(crate) mod worker;

use std::{pin::Pin, time::Duration};

use mongodb::bson::{Bson, Deserializer, Document};
use serde::de::DeserializeOwned;

use self::{
    job::Job,
    work::{Each, Function, Pipeline, Work},
};
use super::online::Online;
use crate::model::{report::backfill::BackfillReport, result::BoxError, time_of_day::Hours};

/// A future that is compiled with this crate, and not again with each app whose migrations await it.
type Erased<'a> = Pin<Box<dyn Future<Output = Result<BackfillReport, BoxError>> + 'a>>;

/// A change of every document of a collection that matches. Made by [`Online::backfill`].
///
/// It walks in the order of `_id`, of whatever types those are, in batches. Each batch is a
/// transaction together with its checkpoint, under the fence: each document is changed exactly
/// once, though the process is killed, or the change would do harm when done twice. A later run
/// resumes after the last batch that committed. Memory is bounded by one batch per worker.
///
/// The collection may be written to meanwhile. A document that is inserted after a worker's current
/// place is changed when the worker gets there; a document that is inserted before it is not. So
/// deploy the code that writes the new shape first.
#[derive(Debug)]
#[must_use = "nothing is changed until `update`, `update_each` or `replace_each` is awaited"]
pub struct Backfill<'a, 'c> {
    on: &'a mut Online<'c>,
    job: Job,
}

impl<'c> Online<'c> {
    /// A change of any number of documents, in batches that are resumed after a crash.
    ///
    /// `name` is the step's: 1 to 128 bytes, unique within the migration.
    ///
    /// ```
    /// use mongrate::{bson::doc, Online, Result};
    ///
    /// async fn initials(on: &mut Online<'_>) -> Result {
    ///     let first = doc! { "$substrCP": ["$name", 0, 1] };
    ///     on.backfill("initials", "users")
    ///         .filter(doc! { "name": { "$type": "string" } })
    ///         .workers(4)
    ///         .update(vec![doc! { "$set": { "initial": first } }])
    ///         .await?;
    ///     Ok(())
    /// }
    /// ```
    pub fn backfill(&mut self, name: &str, collection: &str) -> Backfill<'_, 'c> {
        Backfill { on: self, job: Job::new(name, collection) }
    }
}

impl Backfill<'_, '_> {
    /// Only documents that match. Evaluated again in each batch. Default: all.
    pub fn filter(mut self, filter: Document) -> Self {
        self.job.filter = filter;
        self
    }

    /// The most documents per batch, 1 to 100,000. Default: begins with 1,000 and finds the size
    /// that takes some 150 to 600 ms, up to 20,000. However many, their bytes are bounded too: by
    /// 16 MB, less where the server has a small cache or does not take a batch.
    pub fn batch_size(mut self, documents: u32) -> Self {
        self.job.batch = Some(documents);
        self
    }

    /// How many batches may be under way at once, 1 to 64. Default 1.
    pub fn workers(mut self, workers: usize) -> Self {
        self.job.workers = workers;
        self
    }

    /// Pauses after each batch of each worker, up to 60 s. Default: not at all.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.job.throttle.pause = pause;
        self
    }

    /// The most documents per second, of all workers together. Default: as many as the server takes.
    /// Batches have no more than a second's worth.
    pub fn per_second(mut self, documents: impl Into<Option<u32>>) -> Self {
        self.job.throttle.per_second = documents.into();
        self
    }

    /// Works only within these hours, by the server's clock. Default: at any hour.
    pub fn between(mut self, hours: impl Into<Option<Hours>>) -> Self {
        self.job.throttle.hours = hours.into();
        self
    }

    /// Pauses while a secondary is further behind than this; `None`: whatever it is. Default
    /// 10 s. (A user who may not run `replSetGetStatus` sees how far the majority is behind.)
    pub fn max_lag(mut self, lag: impl Into<Option<Duration>>) -> Self {
        self.job.throttle.lag_max = lag.into();
        self
    }

    /// Pauses while more operations than this wait for a lock on the server; `None`: whatever
    /// their number. Default 100. (Needs the right to run `serverStatus`; without it, it does
    /// not pause.)
    pub fn max_queue(mut self, operations: impl Into<Option<u32>>) -> Self {
        self.job.throttle.queue_max = operations.into();
        self
    }

    /// Updates the documents on the server with an aggregation pipeline, which may compute
    /// from the document what it sets.
    ///
    /// # Errors
    ///
    /// What the server says to a batch, with the `_id` of the document that it is about. That
    /// batch left no trace; those before it are done, and a later run resumes after them. A view,
    /// a time series and a capped collection are refused.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe, as with [`Online::transaction`]. Cancelling the run ends it at the end
    /// of a batch.
    pub async fn update(self, pipeline: Vec<Document>) -> Result<BackfillReport, BoxError> {
        if pipeline.is_empty() {
            return Err(format!("the backfill `{}` has an empty pipeline", self.job.name).into());
        }
        self.with_pipeline(pipeline).await
    }

    /// Updates each document with what a function computes from it: update operators (as
    /// `doc! { "$set": … }`), or `None` to leave it as it is. `T` may be a part of the document.
    ///
    /// # Errors
    ///
    /// Those of [`update`](Self::update); the function's; a document that is no `T`.
    ///
    /// # Cancel safety
    ///
    /// As [`update`](Self::update).
    ///
    /// ```
    /// use mongrate::{bson::doc, Online, Result};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct User {
    ///     name: String,
    /// }
    ///
    /// async fn slugs(on: &mut Online<'_>) -> Result {
    ///     on.backfill("slugs", "users")
    ///         .update_each(|user: User| {
    ///             let slug = user.name.to_lowercase().replace(' ', "-");
    ///             Ok(Some(doc! { "$set": { "slug": slug } }))
    ///         })
    ///         .await?;
    ///     Ok(())
    /// }
    /// ```
    pub async fn update_each<T, F>(mut self, each: F) -> Result<BackfillReport, BoxError>
    where
        T: DeserializeOwned,
        F: Fn(T) -> Result<Option<Document>, BoxError>,
    {
        let each = |document: Document| {
            let update = each(T::deserialize(Deserializer::new(Bson::Document(document)))?)?;
            if let Some(update) = &update
                && update.keys().any(|key| !key.starts_with('$'))
            {
                return Err("`update_each` wants update operators, as `doc! { \"$set\": … }`; to \
                            replace documents as a whole, use `replace_each`"
                    .into());
            }
            Ok(update)
        };
        self.job.refuses_twice = true;
        self.with_function(&each).await
    }

    /// Replaces each document by what a function makes of it, or leaves it as it is with `None`.
    /// The whole document comes and goes, so that no field is lost that a type does not name.
    ///
    /// # Errors
    ///
    /// As [`update_each`](Self::update_each); when the function changes the `_id`.
    ///
    /// # Cancel safety
    ///
    /// As [`update`](Self::update).
    pub async fn replace_each<F>(mut self, each: F) -> Result<BackfillReport, BoxError>
    where
        F: Fn(Document) -> Result<Option<Document>, BoxError>,
    {
        let each = |document: Document| {
            let id = document.get("_id").cloned();
            let Some(mut new) = each(document)? else { return Ok(None) };
            match (new.get("_id"), id) {
                (None, Some(id)) => {
                    new.insert("_id", id);
                }
                (found, id) if found == id.as_ref() => {}
                _ => return Err("`replace_each` cannot change a document's `_id`".into()),
            }
            if new.keys().any(|key| key.starts_with('$')) {
                return Err("`replace_each` wants a document, not update operators; for those, \
                            use `update_each`"
                    .into());
            }
            Ok(Some(new))
        };
        self.job.refuses_twice = true;
        self.with_function(&each).await
    }
}

impl<'a> Backfill<'a, '_> {
    fn with_pipeline(self, pipeline: Vec<Document>) -> Erased<'a> {
        Box::pin(async move { self.start(&Pipeline(pipeline)).await })
    }

    fn with_function(self, each: &'a Function<'a>) -> Erased<'a> {
        Box::pin(async move { self.start(&Each(each)).await })
    }

    async fn start(self, work: &impl Work) -> Result<BackfillReport, BoxError> {
        self.job.check()?;
        run::refuse_unwalkable(self.on, &self.job).await?;
        let name = self.job.name.clone();
        run::run(self.on, self.job, work).await.map_err(|source| {
            let text = format!("the backfill `{name}`");
            Box::new(in_document::Within { text, source }) as BoxError
        })
    }
}
