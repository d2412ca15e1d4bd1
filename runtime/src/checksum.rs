//! The digest of the applied set: constant size, whatever the history's length.
//!
//! It is the sum, modulo 2²⁵⁶, of the SHA-256 of every applied (version, checksum). A sum
//! does not depend on the order, so that applying adds one term and rolling back takes one
//! away, and nobody has to read the history to keep it.

use std::fmt::Write as _;

use mongodb::bson::{Document, doc};
use sha2::{Digest as _, Sha256};

use crate::Version;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest {
    count: i64,
    /// Little-endian.
    sum: [u8; 32],
}

impl Digest {
    pub(crate) fn of<'a>(applied: impl IntoIterator<Item = (Version, &'a str)>) -> Self {
        let mut digest = Self::default();
        for (version, checksum) in applied {
            digest.add(version, checksum);
        }
        digest
    }

    pub(crate) fn add(&mut self, version: Version, checksum: &str) {
        let mut carry = 0_u16;
        for (byte, term) in self.sum.iter_mut().zip(term(version, checksum)) {
            let total = u16::from(*byte) + u16::from(term) + carry;
            [*byte, _] = total.to_le_bytes();
            carry = total >> 8;
        }
        self.count += 1;
    }

    pub(crate) fn remove(&mut self, version: Version, checksum: &str) {
        let mut borrow = false;
        for (byte, term) in self.sum.iter_mut().zip(term(version, checksum)) {
            let (partly, under) = byte.overflowing_sub(term);
            let (all, under_too) = partly.overflowing_sub(u8::from(borrow));
            *byte = all;
            borrow = under || under_too;
        }
        self.count -= 1;
    }

    pub(crate) const fn count(&self) -> i64 {
        self.count
    }

    pub(crate) fn to_document(self) -> Document {
        let hex = self.sum.iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        doc! { "count": self.count, "digest": hex }
    }

    /// `None` for what we did not write: it then equals nothing, and the history is read.
    pub(crate) fn from_document(document: &Document) -> Option<Self> {
        let count = document.get_i64("count").ok()?;
        let hex = document.get_str("digest").ok()?;
        if hex.len() != 64 {
            return None;
        }
        let mut sum = [0; 32];
        for (at, byte) in sum.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Self { count, sum })
    }
}

fn term(version: Version, checksum: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(version.get().to_le_bytes());
    hash.update(checksum.as_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_removing_undoes_adding() {
        let some = [(Version::new(1), "a"), (Version::new(2), "b"), (Version::new(3), "c")];
        let forward = Digest::of(some);
        let mut other = Digest::of(some.into_iter().rev());
        assert_eq!(forward, other);
        other.remove(Version::new(2), "b");
        assert_eq!(other, Digest::of([some[0], some[2]]));
        assert_ne!(other, Digest::of([some[0], (Version::new(3), "edited")]));
        assert_eq!(Digest::from_document(&forward.to_document()), Some(forward));
    }

    #[test]
    fn what_is_not_ours_equals_nothing() {
        for bad in [doc! {}, doc! { "count": 1_i64, "digest": "é".repeat(32) }] {
            assert_eq!(Digest::from_document(&bad), None);
        }
    }
}
