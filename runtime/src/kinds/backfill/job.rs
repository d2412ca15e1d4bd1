//! The settings of a backfill, checked once.

use std::time::Duration;

use mongodb::bson::Document;

use super::throttle::Throttle;
use crate::{
    kinds::online::STEP_NAME_BYTES_MAX,
    model::{
        result::BoxError,
        tuning::{Limit, Tuning},
    },
    protocol::checkpoint::range::Range,
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

/// The settings of a backfill that may change while it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pace {
    pub workers: usize,
    /// Documents per batch. `None`: as many as take about a fifth of a second.
    pub documents: Option<u32>,
    /// The most bytes per batch.
    pub bytes: Option<u64>,
    pub throttle: Throttle,
}

impl Pace {
    /// How many documents a batch may have for the sake of the rate: a second's worth.
    pub(crate) fn documents_in_a_second(&self) -> Option<u32> {
        let workers = u32::try_from(self.workers).unwrap_or(u32::MAX).max(1);
        self.throttle.per_second.map(|rate| (rate / workers).max(1))
    }
}

impl Job {
    pub(crate) const WORKERS_MAX: usize = Tuning::WORKERS_MAX;
    pub(crate) const BATCH_MAX: u32 = Tuning::DOCUMENTS_MAX;

    /// What the migration says, where nothing else is set.
    pub(crate) fn pace(&self, tuning: &Tuning) -> Pace {
        fn or<T: Copy>(set: Option<Limit<T>>, own: Option<T>) -> Option<T> {
            set.map_or(own, Limit::bound)
        }
        let own = self.throttle;
        Pace {
            workers: tuning.workers.unwrap_or(self.workers),
            documents: tuning.batch_documents.or(self.batch),
            bytes: tuning.batch_bytes,
            throttle: Throttle {
                pause: own.pause,
                lag_max: or(tuning.max_lag, own.lag_max),
                queue_max: or(tuning.max_queue, own.queue_max),
                per_second: or(tuning.per_second, own.per_second),
                hours: or(tuning.between, own.hours),
            },
        }
    }

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
        if throttle.per_second == Some(0) {
            return refuse("0 documents per second; it is 1 or more".to_owned());
        }
        if throttle.pause > Duration::from_secs(60) {
            return refuse("a pause between batches is at most 60 s".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_comes_before_what_the_migration_says() {
        let mut job = Job::new("walk", "users");
        (job.workers, job.batch, job.throttle.per_second) = (4, Some(500), Some(100));
        let own = job.pace(&Tuning::new());
        assert_eq!(
            (own.workers, own.documents, own.throttle.per_second),
            (4, Some(500), Some(100))
        );
        assert_eq!(own.documents_in_a_second(), Some(25));
        let tuned = Tuning::new().workers(2).per_second(None).max_lag(None).batch_bytes(1 << 20);
        let pace = job.pace(&tuned);
        assert_eq!((pace.workers, pace.documents, pace.bytes), (2, Some(500), Some(1 << 20)));
        assert_eq!((pace.throttle.per_second, pace.throttle.lag_max), (None, None));
        assert_eq!(pace.throttle.queue_max, own.throttle.queue_max);
        assert_eq!(pace.documents_in_a_second(), None);
    }
}
