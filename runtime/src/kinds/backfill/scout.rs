//! Looks ahead: where a collection can be split, and where the next batch ends.

use std::{cell::Cell, collections::HashMap};

use mongodb::bson::{Bson, Document, RawDocument, doc};

use super::{
    job::Job,
    size::{Size, portions},
};
use crate::{
    model::result::BoxError,
    mongo::{
        fields::{Fields as _, raw},
        reply::first_batch,
        server_error::ServerError,
    },
    protocol::{
        checkpoint::range::{Range, both},
        control::{Control, unreadable},
        retry::Backoff,
    },
};

/// Below this many documents, the collection is one partition.
const SPLIT_MIN: i64 = 20_000;

/// Into how many partitions a collection is split for each worker, so that no worker waits for long
/// at the end.
const PARTITIONS_EACH: usize = 4;

/// The most partitions: so many workers can be of use.
pub(super) const PARTITIONS_MAX: usize = 16;

/// A big collection has so many documents per partition at most, for workers that may be added later.
const PARTITION_DOCUMENTS_MAX: i64 = 100_000;

/// Sampled `_id`s per partition.
const SAMPLES: usize = 40;

/// How many bytes of documents come to this side at once.
const PORTION_BYTES: u64 = 4 << 20;

/// How many documents are measured first. The server reads them all before anything is known of
/// their bytes.
const MEASURED_FIRST: i64 = 16;

/// How many documents are measured in one round trip later.
const MEASURED_MAX: u64 = 5_000;

/// The next batch of a partition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scouted {
    pub range: Range,
    pub documents: i64,
    /// The size of these documents, and of what is kept of them.
    pub bytes: u64,
    /// How many of them in a row are read at once.
    pub portions: Vec<u32>,
    /// Set if this is the last batch; with the `_id` of its last document, if it has one.
    pub last: Option<Option<Bson>>,
}

/// Reads `_id`s and sizes, outside of any transaction.
#[derive(Clone, Debug)]
pub(crate) struct Scout {
    pub control: Control,
    pub collection: String,
    pub filter: Document,
    /// A collection with documents of the same `_id`s; those of the batch are read with it.
    beside: Option<String>,
    /// Into how many partitions the collection is split at least, if it is not small.
    partitions: usize,
    /// How many documents are measured in one round trip; `None`: it is not known how big they are.
    measured: Cell<Option<u32>>,
}

/// Documents in a row.
#[derive(Debug, Default)]
struct Row {
    ids: Vec<Bson>,
    sizes: Vec<u64>,
    bytes: u64,
}

impl Row {
    fn add(&mut self, found: &RawDocument) -> Result<(), BoxError> {
        let id = raw(found, "_id").ok_or("a document without an `_id`")?;
        self.ids.push(Bson::try_from(id)?);
        let size = found.number("b").and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
        self.sizes.push(size);
        self.bytes = self.bytes.saturating_add(size);
        Ok(())
    }
}

impl Scout {
    pub(crate) fn new(control: &Control, job: &Job, workers: usize) -> Self {
        Self {
            control: control.clone(),
            collection: job.collection.clone(),
            filter: job.filter.clone(),
            beside: job.beside.clone(),
            partitions: (workers * PARTITIONS_EACH).min(PARTITIONS_MAX),
            measured: Cell::new(None),
        }
    }

    /// The documents of the next batch, from the beginning of `rest`.
    pub(crate) async fn next(&self, rest: &Range, size: Size) -> Result<Scouted, ServerError> {
        let filter = both(rest.filter(), &self.filter);
        // One more document says where the next batch begins.
        let limit = i64::from(size.documents) + 1;
        let mut row = self.row(&self.collection, filter, limit, size.bytes).await?;
        if let (Some(beside), Some(last)) = (&self.beside, row.ids.last()) {
            let same = Range { to: Some(last.clone()), including: true, ..rest.clone() };
            let found = self.row(beside, same.filter(), 0, size.bytes).await?;
            add_by_id(&mut row, &found)?;
        }
        let fitting = size.fitting(&row.sizes);
        let sizes = row.sizes.get(..fitting).unwrap_or_default();
        let documents = i64::try_from(fitting).unwrap_or(i64::MAX);
        let (bytes, portions) = (sizes.iter().sum(), portions(sizes, PORTION_BYTES));
        let (range, last) = match row.ids.get(fitting) {
            Some(next) => {
                (Range { to: Some(next.clone()), including: false, ..rest.clone() }, None)
            }
            None => (rest.clone(), Some(row.ids.into_iter().next_back())),
        };
        Ok(Scouted { range, documents, bytes, portions, last })
    }

    /// The `_id`s of a range in their order, whatever their types.
    pub(crate) async fn ids(&self, range: &Range, limit: i64) -> Result<Vec<Bson>, ServerError> {
        let filter = both(range.filter(), &self.filter);
        Ok(self.row(&self.collection, filter, limit, u64::MAX).await?.ids)
    }

    /// Documents in the order of their `_id`s: up to the one whose bytes are too many, and with
    /// one behind the first in any case.
    async fn row(
        &self,
        collection: &str,
        filter: Document,
        limit: i64,
        bytes_max: u64,
    ) -> Result<Row, ServerError> {
        let first = MEASURED_FIRST;
        if bytes_max < u64::MAX && (limit == 0 || limit > first) && self.measured.get().is_none() {
            let row = self.retry_row(collection, filter.clone(), first, bytes_max).await?;
            if row.ids.len() < MEASURED_FIRST as usize || row.bytes > bytes_max {
                return Ok(row);
            }
        }
        self.retry_row(collection, filter, limit, bytes_max).await
    }

    async fn retry_row(
        &self,
        collection: &str,
        filter: Document,
        limit: i64,
        bytes_max: u64,
    ) -> Result<Row, ServerError> {
        let mut backoff = Backoff::new(self.control.retries);
        let row = loop {
            match self.try_row(collection, filter.clone(), limit, bytes_max).await {
                Err(error) if backoff.again_after(&error).await => {}
                outcome => break outcome?,
            }
        };
        let documents = u64::try_from(row.ids.len()).unwrap_or(u64::MAX);
        if documents > 0 && bytes_max < u64::MAX {
            // So many come to the bytes of a batch, and the one behind it.
            let average = (row.bytes / documents).max(1);
            let enough = (bytes_max / average).saturating_add(2).min(MEASURED_MAX);
            self.measured.set(u32::try_from(enough).ok());
        }
        Ok(row)
    }

    async fn try_row(
        &self,
        collection: &str,
        filter: Document,
        limit: i64,
        bytes_max: u64,
    ) -> Result<Row, ServerError> {
        let measured = self.measured.get().unwrap_or(u32::MAX >> 1);
        let command = doc! {
            "find": collection,
            "filter": filter,
            "projection": { "_id": 1, "b": { "$bsonSize": "$$ROOT" } },
            // By the index, whatever else could help with the filter: the collection is not
            // sorted again for each batch.
            "sort": { "_id": 1 },
            "hint": { "_id": 1 },
            "limit": limit,
            "batchSize": i64::from(measured),
        };
        let cursor = self.control.database.run_cursor_command(command).batch_size(measured);
        let mut cursor = cursor.await?;
        let mut row = Row::default();
        while cursor.advance().await? {
            row.add(cursor.current()).map_err(unreadable)?;
            if row.ids.len() > 1 && row.bytes > bytes_max {
                break;
            }
        }
        Ok(row)
    }

    /// Splits the collection at sampled `_id`s; also its size as far as it is known for nothing.
    pub(crate) async fn split(&self) -> Result<(Vec<Range>, Option<i64>), ServerError> {
        let size = self.estimate().await?;
        let by_size = usize::try_from(size / PARTITION_DOCUMENTS_MAX).unwrap_or(usize::MAX);
        let partitions = self.partitions.max(by_size.min(PARTITIONS_MAX));
        if self.filter.is_empty() {
            return Ok((self.ranges(size, partitions).await?, Some(size)));
        }
        let (ranges, total) = tokio::join!(self.ranges(size, partitions), self.count());
        Ok((ranges?, total))
    }

    /// Splits the collection into parts that are read at once; a small one is one part.
    pub(crate) async fn parts(&self, parts: usize) -> Result<Vec<Range>, ServerError> {
        let size = self.estimate().await?;
        self.ranges(size, parts).await
    }

    async fn ranges(&self, size: i64, parts: usize) -> Result<Vec<Range>, ServerError> {
        let mut bounds: Vec<Option<Bson>> = vec![None];
        if size >= SPLIT_MIN {
            let sample = i64::try_from(parts * SAMPLES).unwrap_or(i64::MAX);
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
        let range = |pair: &[Option<Bson>]| Range {
            from: pair.first().cloned().flatten(),
            to: pair.last().cloned().flatten(),
            ..Range::default()
        };
        Ok(bounds.windows(2).map(range).collect())
    }

    async fn estimate(&self) -> Result<i64, ServerError> {
        let reply = self.control.retrying(None, doc! { "count": &self.collection }).await?;
        Ok(crate::mongo::reply::touched(&reply))
    }

    /// How many documents match; `None` if counting takes long.
    async fn count(&self) -> Option<i64> {
        let command = doc! {
            "count": &self.collection, "query": self.filter.clone(), "maxTimeMS": 2_000,
        };
        let reply = self.control.once(None, command).await.ok()?;
        crate::mongo::reply::number(&reply, "n")
    }
}

/// Adds the sizes of documents to those of the same `_id`.
fn add_by_id(row: &mut Row, found: &Row) -> Result<(), ServerError> {
    let key = |id: &Bson| -> Result<Vec<u8>, ServerError> {
        let mut bytes = Vec::new();
        doc! { "": id.clone() }.to_writer(&mut bytes).map_err(unreadable)?;
        Ok(bytes)
    };
    let mut by_id: HashMap<Vec<u8>, u64> = HashMap::new();
    for (id, size) in found.ids.iter().zip(&found.sizes) {
        by_id.insert(key(id)?, *size);
    }
    for (id, size) in row.ids.iter().zip(&mut row.sizes) {
        *size += by_id.get(&key(id)?).copied().unwrap_or(0);
    }
    Ok(())
}
