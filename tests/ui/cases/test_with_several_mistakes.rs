//! Test with several mistakes.

use mongrate::testing::Database;

#[mongrate::test(at = -1, group = "A")]
fn reads(db: &Database) {}

fn main() {}
