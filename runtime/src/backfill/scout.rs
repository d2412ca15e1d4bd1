//! Looks ahead: where a collection can be split, and where the next batch ends.

use mongodb::bson::{Bson, Document, doc};

use super::{
    job::Job,
    range::{Range, both},
};
use crate::{ServerError, command::Control};

/// Below this many documents one partition will do.
const SPLIT_MIN: i64 = 20_000;
/// Into how many partitions a collection is split: so many workers can be of use, now or after
/// a restart with more of them.
const PARTITIONS: usize = 16;
/// Sampled `_id`s per partition.
const SAMPLES: usize = 40;

/// The next batch of a partition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scouted {
    pub range: Range,
    pub documents: i64,
    /// Nothing lies behind it. With the last document, if there is one.
    pub last: Option<Option<Bson>>,
}

/// Reads `_id`s, outside of any transaction.
#[derive(Clone, Debug)]
pub(crate) struct Scout {
    pub control: Control,
    pub collection: String,
    pub filter: Document,
}

impl Scout {
    pub(crate) fn new(control: &Control, job: &Job) -> Self {
        Self {
            control: control.clone(),
            collection: job.collection.clone(),
            filter: job.filter.clone(),
        }
    }

    /// Up to `size` documents from the beginning of `rest`.
    pub(crate) async fn next(&self, rest: &Range, size: u32) -> Result<Scouted, ServerError> {
        let beyond = self.ids(rest, i64::from(size), 1).await?;
        if let Some(next) = beyond.into_iter().next() {
            let range = Range { to: Some(next), including: false, ..rest.clone() };
            return Ok(Scouted { range, documents: i64::from(size), last: None });
        }
        let left = self.ids(rest, 0, i64::from(size) + 1).await?;
        let documents = i64::try_from(left.len()).unwrap_or(i64::MAX);
        Ok(Scouted { range: rest.clone(), documents, last: Some(left.into_iter().next_back()) })
    }

    /// The `_id`s of a range in their order, whatever their types.
    async fn ids(&self, range: &Range, skip: i64, limit: i64) -> Result<Vec<Bson>, ServerError> {
        let command = doc! {
            "find": &self.collection,
            "filter": both(range.filter(), &self.filter),
            "projection": { "_id": 1 },
            "sort": { "_id": 1 },
            "hint": { "_id": 1 },
            "skip": skip,
            "limit": limit,
            "batchSize": limit,
            "singleBatch": true,
        };
        let reply = self.control.retrying(None, command).await?;
        Ok(first_batch(&reply).filter_map(|document| document.get("_id").cloned()).collect())
    }

    /// Splits the collection at sampled `_id`s; also its size as far as it is known for nothing.
    pub(crate) async fn split(&self) -> Result<(Vec<Range>, Option<i64>), ServerError> {
        let size = self.estimate().await?;
        let total = if self.filter.is_empty() { Some(size) } else { self.count().await };
        let mut bounds: Vec<Option<Bson>> = vec![None];
        if size >= SPLIT_MIN {
            let sample = i64::try_from(PARTITIONS * SAMPLES).unwrap_or(i64::MAX);
            let command = doc! {
                "aggregate": &self.collection,
                "pipeline": [
                    { "$sample": { "size": sample } }, { "$project": { "_id": 1 } },
                    { "$sort": { "_id": 1 } },
                ],
                "cursor": { "batchSize": sample },
            };
            let reply = self.control.retrying(None, command).await?;
            let mut ids: Vec<Bson> =
                first_batch(&reply).filter_map(|document| document.get("_id").cloned()).collect();
            // A sample may name one document twice.
            ids.dedup();
            bounds.extend(
                ids.chunks(SAMPLES).skip(1).filter_map(|some| some.first().cloned()).map(Some),
            );
        }
        bounds.push(None);
        let ranges = bounds
            .windows(2)
            .map(|pair| Range {
                from: pair.first().cloned().flatten(),
                to: pair.last().cloned().flatten(),
                ..Range::default()
            })
            .collect();
        Ok((ranges, total))
    }

    async fn estimate(&self) -> Result<i64, ServerError> {
        let reply = self.control.retrying(None, doc! { "count": &self.collection }).await?;
        Ok(crate::command::touched(&reply))
    }

    /// How many match, unless counting takes long.
    async fn count(&self) -> Option<i64> {
        let command = doc! {
            "count": &self.collection, "query": self.filter.clone(), "maxTimeMS": 2_000,
        };
        let reply = self.control.once(None, command).await.ok()?;
        crate::command::number(&reply, "n")
    }
}

fn first_batch(reply: &Document) -> impl Iterator<Item = &Document> {
    reply
        .get_document("cursor")
        .and_then(|cursor| cursor.get_array("firstBatch"))
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .filter_map(Bson::as_document)
}
