//! The guide's chapter on `diff` shows what is compiled and run: its code is in the files of the shop, and its
//! commands are those of the tests.

use std::{collections::BTreeSet, fs};

use crate::{
    evolves, init,
    package::{fixture, repository},
};

#[test]
fn the_guide_shows_what_is_run() {
    let guide = fs::read_to_string(repository().join("docs/models.md")).unwrap();
    let (_, chapter) = guide.split_once("\n## Change a type, ").unwrap();
    let (guide, _) = chapter.split_once("\n## ").unwrap();
    let files = ["v1.rs", "v2.rs", "m0002_first_year.rs", "m0003_second_year.rs"].map(fixture);
    let blocks: Vec<&str> =
        guide.split("```").filter_map(|block| block.strip_prefix("rust,ignore\n")).collect();
    assert!(blocks.len() > 15, "{}", blocks.len());
    for block in blocks {
        assert!(files.iter().any(|file| file.contains(block)), "in no file of the shop: {block}");
    }
    let shown: BTreeSet<&str> = guide
        .split("```")
        .filter_map(|block| block.strip_prefix("sh\n"))
        .flat_map(str::lines)
        .map(|line| line.strip_prefix("cargo mongrate ").unwrap())
        .collect();
    let run = [
        evolves::FIRST_YEAR,
        evolves::SECOND_YEAR,
        evolves::DRY_RUN,
        evolves::CHECK,
        init::INIT,
        init::AS_APPLIED,
        init::LIVE,
    ];
    assert_eq!(shown, BTreeSet::from(run));
}
