//! Pure: how many documents the next batch may have, and how many bytes of them.

use std::time::Duration;

use crate::model::tuning::Tuning;

const DOCUMENTS_FIRST: u32 = 1_000;

const DOCUMENTS_MAX: u32 = 20_000;

const BYTES_MAX: u64 = Tuning::BYTES_MAX;

const BYTES_MIN: u64 = Tuning::BYTES_MIN;

/// What the server begins to write out of its cache at is a twentieth of it.
const CACHE_SHARE: u64 = 16;

/// A batch that took less time lets the next one grow.
const QUICK: Duration = Duration::from_millis(150);

/// A batch that took more time makes the next one smaller.
const SLOW: Duration = Duration::from_millis(600);

/// The limits of the next batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub documents: u32,
    /// Of the documents as they are read. A batch of one document may have more.
    pub bytes: u64,
    /// The most documents; where the caller chose them, time does not change them.
    documents_max: u32,
    is_chosen: bool,
    bytes_max: u64,
}

impl Size {
    /// The first one; `chosen`: the documents that the caller wants.
    pub(crate) fn first(chosen: Option<u32>) -> Self {
        Self {
            documents: chosen.unwrap_or(DOCUMENTS_FIRST),
            bytes: BYTES_MAX,
            documents_max: chosen.unwrap_or(DOCUMENTS_MAX),
            is_chosen: chosen.is_some(),
            bytes_max: BYTES_MAX,
        }
    }

    /// Sets the most bytes: those that the caller wants, and no more than a share of the server's
    /// cache, for this many batches at once.
    pub(crate) fn bound_bytes(&mut self, chosen: Option<u64>, cache: Option<u64>, workers: usize) {
        let workers = u64::try_from(workers).unwrap_or(u64::MAX).max(1);
        let fitting = cache.map_or(BYTES_MAX, |cache| cache / CACHE_SHARE / workers);
        let bytes_max = fitting.min(chosen.unwrap_or(BYTES_MAX)).clamp(BYTES_MIN, BYTES_MAX);
        if bytes_max > self.bytes_max {
            self.bytes = bytes_max;
        }
        self.bytes_max = bytes_max;
        self.bytes = self.bytes.min(bytes_max);
    }

    /// Sets the most documents: those that the caller wants, and no more than `most`.
    pub(crate) fn bound_documents(&mut self, chosen: Option<u32>, most: Option<u32>) {
        let is_chosen = chosen.is_some();
        let documents_max = chosen.unwrap_or(DOCUMENTS_MAX).min(most.unwrap_or(u32::MAX)).max(1);
        if is_chosen && (is_chosen, documents_max) != (self.is_chosen, self.documents_max) {
            self.documents = documents_max;
        }
        (self.is_chosen, self.documents_max) = (is_chosen, documents_max);
        self.documents = self.documents.min(documents_max);
    }

    /// A batch committed: documents by the time that it took, bytes slowly, as the server has
    /// refused more.
    pub(crate) fn committed(&mut self, took: Duration) {
        self.bytes = (self.bytes + self.bytes / 8).min(self.bytes_max);
        if took < QUICK || self.is_chosen {
            self.documents = self.documents.saturating_mul(2).min(self.documents_max);
        } else if took > SLOW {
            self.documents = (self.documents / 2).max(1);
        }
    }

    /// The server did not take a batch of this size: the next one is smaller.
    pub(crate) fn refused(&mut self, documents: i64, bytes: u64) {
        let documents = u32::try_from(documents).unwrap_or(u32::MAX);
        self.documents = self.documents.min(documents / 2).max(1);
        self.bytes = self.bytes.min((bytes / 2).max(BYTES_MIN));
    }

    /// How many of these documents in a row may be in a batch; at least one.
    pub(crate) fn fitting(&self, sizes: &[u64]) -> usize {
        let mut bytes = 0_u64;
        let fits = sizes.iter().take(self.documents as usize).take_while(|size| {
            bytes = bytes.saturating_add(**size);
            bytes <= self.bytes
        });
        fits.count().max(1).min(sizes.len())
    }
}

/// Splits documents in a row so that each part has few enough bytes to be read at once: their
/// numbers.
pub(crate) fn portions(sizes: &[u64], bytes_max: u64) -> Vec<u32> {
    let mut portions: Vec<u32> = Vec::new();
    let mut room = 0;
    for size in sizes {
        match portions.last_mut() {
            Some(last) if *size <= room => *last += 1,
            _ => {
                portions.push(1);
                room = bytes_max;
            }
        }
        room = room.saturating_sub(*size);
    }
    portions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_batch_is_followed_by_smaller_ones_that_grow_again() {
        let mut size = Size::first(None);
        size.refused(60, 15 << 20);
        assert_eq!((size.documents, size.bytes), (30, 15 << 19));
        size.committed(Duration::from_millis(300));
        assert_eq!((size.documents, size.bytes), (30, (15 << 19) / 8 * 9));
        for _ in 0..100 {
            size.committed(Duration::ZERO);
        }
        assert_eq!((size.documents, size.bytes), (DOCUMENTS_MAX, BYTES_MAX));
        for _ in 0..100 {
            size.refused(i64::from(size.documents), size.bytes);
        }
        assert_eq!((size.documents, size.bytes), (1, BYTES_MIN));

        let mut chosen = Size::first(Some(500));
        chosen.committed(Duration::from_secs(9));
        assert_eq!(chosen.documents, 500, "time does not change what was chosen");
        chosen.refused(500, 1);
        chosen.committed(Duration::from_secs(9));
        assert_eq!(chosen.documents, 500);
    }

    #[test]
    fn a_small_cache_makes_small_batches() {
        let mut size = Size::first(None);
        size.bound_bytes(None, Some(64 << 20), 4);
        assert_eq!(size.bytes, 1 << 20);
        size.committed(Duration::ZERO);
        assert_eq!(size.bytes, 1 << 20);
        size.bound_bytes(Some(1 << 18), Some(64 << 20), 4);
        assert_eq!((size.bytes, size.bytes_max), (1 << 18, 1 << 18));
        size.bound_bytes(None, Some(u64::MAX), 1);
        assert_eq!((size.bytes, size.bytes_max), (BYTES_MAX, BYTES_MAX));
    }

    #[test]
    fn the_bounds_may_change_while_a_backfill_runs() {
        let mut size = Size::first(None);
        size.bound_documents(Some(5_000), None);
        assert_eq!((size.documents, size.is_chosen), (5_000, true));
        size.refused(5_000, 1);
        size.bound_documents(Some(5_000), None);
        assert_eq!(size.documents, 2_500, "the same bound again changes nothing");
        size.bound_documents(Some(5_000), Some(100));
        assert_eq!(size.documents, 100, "no more than a second's worth");
        size.bound_documents(None, None);
        assert_eq!((size.documents, size.documents_max), (100, DOCUMENTS_MAX));
    }

    #[test]
    fn bytes_bound_a_batch_and_its_portions() {
        let mut size = Size::first(Some(3));
        assert_eq!(size.fitting(&[1, 1, 1, 1]), 3);
        size.bytes = 10;
        assert_eq!(size.fitting(&[5, 5, 1]), 2);
        assert_eq!(size.fitting(&[50, 5, 1]), 1, "a big one is alone");
        assert_eq!(size.fitting(&[]), 0);
        assert_eq!(portions(&[1, 2, 3, 9, 1, 1], 6), [3, 1, 2]);
        assert_eq!(portions(&[], 6), [0_u32; 0]);
    }
}
