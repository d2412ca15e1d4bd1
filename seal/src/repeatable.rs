//! The number that stands in the place of a version for a migration that is repeatable.
//!
//! Databases hold such numbers, so the number of a name must never change.

use sha2::{Digest as _, Sha256};

/// As many bits as a number of JavaScript keeps exactly.
const BITS: u32 = 52;

/// Returns the number of a repeatable migration: negative, and made of the name alone. So it sorts
/// before every version, and no version is equal to it.
pub fn repeatable_number(name: &str) -> i64 {
    let mut hash = Sha256::new();
    hash.update(b"repeatable\0");
    hash.update(name.as_bytes());
    let hash: [u8; 32] = hash.finalize().into();
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    -1 - (u64::from_be_bytes(first) >> (u64::BITS - BITS)).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database that holds a record under such a number would run the migration again if it changed.
    #[test]
    fn the_number_of_a_name_never_changes() {
        assert_eq!(repeatable_number("a"), -515_943_184_255_394);
    }

    #[test]
    fn it_is_negative_and_exact_in_javascript() {
        for at in 0..1_000 {
            let number = repeatable_number(&format!("m{at}"));
            assert!((-(1_i64 << BITS)..0).contains(&number), "{number}");
        }
    }
}
