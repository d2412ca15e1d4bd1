//! The checksum of canonical bytes, and the name of the algorithm.

use sha2::{Digest as _, Sha256};

use crate::hex::hex;

/// The name of the algorithm, with which every checksum begins. It must change whenever the walk
/// changes.
pub const ALGORITHM: &str = "v1:sha256";

/// Returns the checksum of canonical bytes.
pub(super) fn digest(bytes: &[u8]) -> String {
    format!("{ALGORITHM}:{}", hex(&Sha256::digest(bytes)))
}
