//! The settings of a backfill, checked once.

use std::time::Duration;

use mongodb::bson::Document;

use super::throttle::Throttle;
use crate::{
    kinds::online::STEP_NAME_BYTES_MAX, model::result::BoxError, protocol::checkpoint::range::Range,
};

/// One pass over a collection, and its settings.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Its step's name; unique within its migration.
    pub name: String,
    pub collection: String,
    /// Only documents that match. Evaluated again in each batch's transaction.
    pub filter: Document,
    /// How many batches may be under way at once.
    pub workers: usize,
    /// Documents per batch. `None`: as many as take about a fifth of a second.
    pub batch: Option<u32>,
    pub throttle: Throttle,
    /// A collection with documents of the same `_id`s, which are read and written with a batch.
    pub beside: Option<String>,
    /// Only these parts of the collection. `None`: all of it.
    pub ranges: Option<Vec<Range>>,
    /// The validator of the collection does not judge what the batches write.
    pub bypass: bool,
    /// Refuses documents that have a field twice: what comes to this side has it once.
    pub refuses_twice: bool,
}

impl Job {
    pub(crate) const WORKERS_MAX: usize = 64;
    pub(crate) const BATCH_MAX: u32 = 100_000;

    /// With one worker, and batches that find their size.
    pub(crate) fn new(name: &str, collection: &str) -> Self {
        Self {
            name: name.to_owned(),
            collection: collection.to_owned(),
            filter: Document::new(),
            workers: 1,
            batch: None,
            throttle: Throttle::default(),
            beside: None,
            ranges: None,
            bypass: false,
            refuses_twice: false,
        }
    }

    pub(crate) fn check(&self) -> Result<(), BoxError> {
        let Self { name, collection, workers, batch, throttle, .. } = self;
        let refuse = |problem: String| Err(format!("the backfill `{name}`: {problem}").into());
        if name.is_empty() || name.len() > STEP_NAME_BYTES_MAX {
            return Err(format!("a backfill's name is 1 to {STEP_NAME_BYTES_MAX} bytes").into());
        }
        if collection.is_empty() {
            return refuse("its collection has no name".to_owned());
        }
        if !(1..=Self::WORKERS_MAX).contains(workers) {
            return refuse(format!("{workers} workers; it is 1 to {}", Self::WORKERS_MAX));
        }
        if batch.is_some_and(|size| !(1..=Self::BATCH_MAX).contains(&size)) {
            return refuse(format!("batches have 1 to {} documents", Self::BATCH_MAX));
        }
        if throttle.pause > Duration::from_secs(60) {
            return refuse("a pause between batches is at most 60 s".to_owned());
        }
        Ok(())
    }
}
