//! The digest of a set of migrations: how many they are, and the sum of their hashes.
//!
//! The sum is modulo 2²⁵⁶, so it does not depend on an order: applying adds a term, rolling back takes
//! the term away, and neither has to read the history.

use crate::{hex::bytes, term::term};

/// A count of migrations, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// How many migrations there are.
    pub count: i64,
    /// The 256 bits of the sum, lowest limb first.
    sum: [u64; 4],
}

impl Applied {
    /// The digest of these migrations.
    pub fn of<'a>(migrations: impl IntoIterator<Item = (i64, &'a str)>) -> Self {
        let mut all = Self::default();
        for (version, checksum) in migrations {
            all.add(&term(version, checksum));
        }
        all
    }

    /// Adds the hash of one migration.
    pub fn add(&mut self, term: &[u8; 32]) {
        let mut carry = false;
        for (limb, term) in self.sum.iter_mut().zip(limbs(term)) {
            let (partly, over) = limb.overflowing_add(term);
            let (all, over_too) = partly.overflowing_add(u64::from(carry));
            *limb = all;
            carry = over || over_too;
        }
        self.count = self.count.saturating_add(1);
    }

    /// Takes the hash of one migration away.
    pub fn remove(&mut self, term: &[u8; 32]) {
        let mut borrow = false;
        for (limb, term) in self.sum.iter_mut().zip(limbs(term)) {
            let (partly, under) = limb.overflowing_sub(term);
            let (all, under_too) = partly.overflowing_sub(u64::from(borrow));
            *limb = all;
            borrow = under || under_too;
        }
        self.count = self.count.saturating_sub(1);
    }

    /// The sum as 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        let bytes: Vec<u8> = self.sum.iter().flat_map(|limb| limb.to_le_bytes()).collect();
        crate::hex::hex(&bytes)
    }

    /// Reads what [`hex`](Self::hex) wrote.
    pub fn from_hex(count: i64, hex: &str) -> Option<Self> {
        Some(Self { count, sum: limbs(&bytes(hex)?) })
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
