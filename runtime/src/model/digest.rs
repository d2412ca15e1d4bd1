//! The digest of the applied migrations: of constant size, however long the history is.
//!
//! It is the sum, modulo 2²⁵⁶, of the SHA-256 of every applied (version, checksum). A sum does not
//! depend on the order: applying adds a term, rolling back takes the term away, and neither has to
//! read the history.

use mongodb::bson::{Document, doc};
use mongrate_seal::{Applied, term};

use super::version::Version;
use crate::mongo::fields::{Fields as _, counted};

/// How many migrations are applied, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest(Applied);

impl Digest {
    pub(crate) fn of<'a>(applied: impl IntoIterator<Item = (Version, &'a str)>) -> Self {
        let applied = applied.into_iter();
        Self(Applied::of(applied.map(|(version, checksum)| (version.get(), checksum))))
    }

    pub(crate) fn add(&mut self, version: Version, checksum: &str) {
        self.add_term(&term(version.get(), checksum));
    }

    /// Adds the hash of one migration.
    pub(crate) fn add_term(&mut self, term: &[u8; 32]) {
        self.0.add(term);
    }

    pub(crate) fn remove(&mut self, version: Version, checksum: &str) {
        self.0.remove(&term(version.get(), checksum));
    }

    /// Takes the hash of one migration away.
    pub(crate) fn remove_term(&mut self, term: &[u8; 32]) {
        self.0.remove(term);
    }

    pub(crate) const fn count(&self) -> i64 {
        self.0.count
    }

    /// The sum, as 64 hexadecimal digits.
    pub(crate) fn hex(self) -> String {
        self.0.hex()
    }

    pub(crate) fn to_document(self) -> Document {
        doc! { "count": self.0.count, "digest": self.0.hex() }
    }

    /// `None` for a document that Mongrate did not write: no digest equals it, so the history is
    /// read.
    pub(crate) fn from_document(document: &Document) -> Option<Self> {
        let count = document.number("count").and_then(counted)?;
        Applied::from_hex(count, document.get_str("digest").ok()?).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::Bson;

    use super::*;

    /// A tool that restores a backup writes small numbers as it likes.
    #[test]
    fn a_count_is_any_whole_number() {
        let digest = Digest::of([(Version::new(1), "a")]);
        for count in [Bson::Int32(1), Bson::Int64(1), Bson::Double(1.0)] {
            let document = doc! { "count": count, "digest": digest.hex() };
            assert_eq!(Digest::from_document(&document), Some(digest));
        }
        for count in [Bson::Double(1.5), Bson::Int32(-1), Bson::String("1".to_owned())] {
            let document = doc! { "count": count, "digest": digest.hex() };
            assert_eq!(Digest::from_document(&document), None);
        }
    }

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
        let sum = "0".repeat(64);
        for bad in [
            doc! {},
            doc! { "count": 1_i64, "digest": "é".repeat(32) },
            doc! { "count": i64::MAX, "digest": &sum },
            doc! { "count": -1_i64, "digest": &sum },
        ] {
            assert_eq!(Digest::from_document(&bad), None);
        }
    }
}
