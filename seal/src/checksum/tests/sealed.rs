//! Checksums that users have sealed already: a release that changes one breaks every user's history.

use std::fmt::Write as _;

use super::functions::{CORPUS, checksums};

const SEALED: &str = include_str!("sealed.txt");

#[test]
fn the_algorithm_gives_what_it_gave() {
    let mut now = String::new();
    for (name, checksum) in CORPUS.into_iter().flat_map(checksums) {
        let _ = writeln!(now, "{checksum} {name}");
    }
    assert_eq!(now, SEALED, "a changed walk needs a new algorithm tag; the old one must stay");
}
