//! The hash of one applied migration. The digest of the applied set is the sum of these hashes.
//!
//! Databases hold such sums, so a hash must never change.

use sha2::{Digest as _, Sha256};

use crate::hex::bytes;

/// Returns the hash. Its input fits one block of SHA-256: the version, and the bytes of a checksum
/// that is a SHA-256 itself, or the text of any other checksum.
pub fn term(version: i64, checksum: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(version.to_le_bytes());
    match checksum.strip_prefix("v1:sha256:").and_then(bytes) {
        Some(bytes) => hash.update(bytes),
        None => hash.update(checksum.as_bytes()),
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::hex;

    /// A digest that a database holds would equal no build's if one of these changed.
    #[test]
    fn the_hash_of_a_migration_never_changes() {
        let sha256 = format!("v1:sha256:{}", "00ff".repeat(16));
        for (version, checksum, expected) in [
            (
                20_250_122_001,
                sha256.as_str(),
                "35bbf33fed77cb79f4eec736f70993c9c9e2e77141407ebc08f8afa14308f1dc",
            ),
            (
                1,
                "by-hand:1:add_anna",
                "8b42bf9aa2b93e599e309776645aa40994cc66ae275c2f3dd4f0b927303969a6",
            ),
        ] {
            assert_eq!(hex(&term(version, checksum)), expected);
        }
    }
}
