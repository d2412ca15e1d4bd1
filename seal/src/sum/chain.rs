//! The chain: the hash on each line covers all lines above it.

use sha2::{Digest as _, Sha256};

use super::format::HEADER;
use crate::hex::hex;

/// Returns the hash of the header, with which the chain begins.
pub(super) fn first_chain() -> String {
    hex(&Sha256::digest(HEADER))
}

/// Returns the hash of a line's text and the hash above it.
pub(super) fn next_chain(above: &str, line: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(above);
    hash.update("\n");
    hash.update(line);
    hex(&hash.finalize())
}
