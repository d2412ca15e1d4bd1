//! A set of fingerprints, to see quickly that nothing is there twice.
//!
//! A fingerprint has 32 bits, as a start pays for each page of memory that it is the first to touch.
//! Two things may share a fingerprint: then, once in some hundred apps with ten thousand migrations,
//! the things themselves are compared.

use std::{
    collections::HashSet,
    hash::{BuildHasherDefault, Hash, Hasher},
};

/// The fingerprints of what was inserted.
pub(super) struct Fingerprints(HashSet<u32, BuildHasherDefault<Mixer>>);

impl Fingerprints {
    /// Makes a set with room for as many.
    pub(super) fn of_about(count: usize) -> Self {
        Self(HashSet::with_capacity_and_hasher(count, BuildHasherDefault::default()))
    }

    /// Whether it is certainly new.
    pub(super) fn insert(&mut self, thing: impl Hash) -> bool {
        let mut hash = Mixer::default();
        thing.hash(&mut hash);
        // The upper half depends on every bit.
        self.0.insert((hash.finish() >> 32) as u32)
    }
}

/// A hasher that takes eight bytes at a time. It withstands no attack: names come from the binary.
#[derive(Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        mixed(self.0)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        self.write_u64(u64::from_le_bytes(last) ^ bytes.len() as u64);
    }

    /// Ends a text, whose length is in its hash already.
    fn write_u8(&mut self, _: u8) {}

    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = mixed(self.0 ^ word);
    }
}

/// Multiplies, and folds the product, so that every bit reaches many others.
fn mixed(word: u64) -> u64 {
    let product = u128::from(word) * 0x9e37_79b9_7f4a_7c15;
    (product ^ product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_twice_is_found_and_nothing_else() {
        let mut seen = Fingerprints::of_about(10);
        let names = (0..10_000).map(|number| format!("m{number:05}"));
        let others = ["", "a", "aa", "aaaaaaa", "aaaaaaaa", "aaaaaaaaa"].map(str::to_owned);
        let all: Vec<String> = names.chain(others).collect();
        assert!(all.iter().all(|name| seen.insert(name)), "these differ");
        assert!(!all.iter().any(|name| seen.insert(name)));
    }
}
