//! The two promises of the checksum, on a corpus: layout never shows, meaning always does.

mod agreement;
mod functions;
mod items;
mod layout;
mod meaning;
mod pairs;
mod plain;
mod random;
mod sealed;

use functions::{checksum, corpus};

#[test]
fn the_corpus_is_large_enough_and_all_different() {
    let mut all: Vec<_> = corpus().iter().map(checksum).collect();
    let count = all.len();
    assert!(count >= 40, "{count}");
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count, "two functions of the corpus share a checksum");
}
