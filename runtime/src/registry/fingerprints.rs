//! A set of fingerprints, to see quickly that nothing is there twice.
//!
//! A fingerprint has 32 bits, as a start pays for each page of memory that it is the first to touch.
//! Two things may share a fingerprint: so it is, once in some hundred apps with ten thousand
//! migrations. Then they are looked at once more, with other fingerprints, and only what shares these, too,
//! is compared itself.

use std::{
    collections::HashSet,
    hash::{BuildHasherDefault, Hash, Hasher},
};

/// What the fingerprints of each look begin with.
const LOOKS: [u64; 2] = [0, 0x5851_f42d_4c95_7f2d];

/// Whether all of these are different, as far as fingerprints tell: `false` may be an error, `true` never is.
pub(super) fn differ<T: Hash>(things: impl Iterator<Item = T> + Clone, about: usize) -> bool {
    LOOKS.into_iter().any(|start| {
        let mut seen = Fingerprints::of_about(about, start);
        things.clone().all(|thing| seen.insert(thing))
    })
}

/// The fingerprints of what was inserted.
struct Fingerprints {
    seen: HashSet<u32, BuildHasherDefault<Mixer>>,
    start: u64,
}

impl Fingerprints {
    /// Makes a set with room for as many.
    fn of_about(count: usize, start: u64) -> Self {
        let seen = HashSet::with_capacity_and_hasher(count, BuildHasherDefault::default());
        Self { seen, start }
    }

    /// Whether it is certainly new.
    fn insert(&mut self, thing: impl Hash) -> bool {
        let mut hash = Mixer(self.start);
        thing.hash(&mut hash);
        // The upper half depends on every bit.
        self.seen.insert((hash.finish() >> 32) as u32)
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
        let names = (0..10_000).map(|number| format!("m{number:05}"));
        let others = ["", "a", "aa", "aaaaaaa", "aaaaaaaa", "aaaaaaaaa"].map(str::to_owned);
        let mut all: Vec<String> = names.chain(others).collect();
        assert!(differ(all.iter(), 10), "these differ");
        for again in ["", "m00000", "m09999", "aaaaaaaa"] {
            all.push(again.to_owned());
            assert!(!differ(all.iter(), 10), "{again}");
            all.pop();
        }
    }

    #[test]
    fn what_shares_a_fingerprint_is_looked_at_again() {
        let fingerprint = |name: &str| {
            let mut hash = Mixer(LOOKS[0]);
            name.hash(&mut hash);
            (hash.finish() >> 32) as u32
        };
        let mut by_fingerprint = std::collections::HashMap::new();
        let mut shared = 0;
        for number in 0..300_000 {
            let name = format!("add_column_{number}");
            if let Some(other) = by_fingerprint.insert(fingerprint(&name), name.clone()) {
                assert!(differ([&name, &other].into_iter(), 2), "{name} {other}");
                assert!(!differ([&name, &other, &name].into_iter(), 2), "{name} {other}");
                shared += 1;
            }
        }
        assert!(shared > 0, "none of them share a fingerprint");
    }
}
