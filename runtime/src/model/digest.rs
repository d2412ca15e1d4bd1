//! The digest of the applied migrations: of constant size, however long the history is.
//!
//! It is the sum, modulo 2²⁵⁶, of the SHA-256 of every applied (version, checksum). A sum does not
//! depend on the order: applying adds a term, rolling back takes the term away, and neither has to
//! read the history.

use std::fmt::Write as _;

use mongodb::bson::{Document, doc};
use mongrate_seal::{bytes_of_hex, term};

use super::version::Version;

/// How many migrations are applied, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest {
    count: i64,
    /// The 256 bits of the sum, lowest limb first.
    sum: [u64; 4],
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
        self.add_term(&term(version.get(), checksum));
    }

    /// Adds the hash of one migration.
    pub(crate) fn add_term(&mut self, term: &[u8; 32]) {
        let mut carry = false;
        for (limb, term) in self.sum.iter_mut().zip(limbs(term)) {
            let (partly, over) = limb.overflowing_add(term);
            let (all, over_too) = partly.overflowing_add(u64::from(carry));
            *limb = all;
            carry = over || over_too;
        }
        self.count += 1;
    }

    pub(crate) fn remove(&mut self, version: Version, checksum: &str) {
        let mut borrow = false;
        for (limb, term) in self.sum.iter_mut().zip(limbs(&term(version.get(), checksum))) {
            let (partly, under) = limb.overflowing_sub(term);
            let (all, under_too) = partly.overflowing_sub(u64::from(borrow));
            *limb = all;
            borrow = under || under_too;
        }
        self.count -= 1;
    }

    pub(crate) const fn count(&self) -> i64 {
        self.count
    }

    pub(crate) fn to_document(self) -> Document {
        let bytes = self.sum.iter().flat_map(|limb| limb.to_le_bytes());
        let hex = bytes.fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        doc! { "count": self.count, "digest": hex }
    }

    /// `None` for a document that Mongrate did not write: no digest equals it, so the history is
    /// read.
    pub(crate) fn from_document(document: &Document) -> Option<Self> {
        let count = document.get_i64("count").ok()?;
        let hex = document.get_str("digest").ok()?;
        Some(Self { count, sum: limbs(&bytes_of_hex(hex)?) })
    }
}

fn limbs(bytes: &[u8; 32]) -> [u64; 4] {
    let (limbs, _) = bytes.as_chunks::<8>();
    let mut all = [0; 4];
    for (limb, bytes) in all.iter_mut().zip(limbs) {
        *limb = u64::from_le_bytes(*bytes);
    }
    all
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
