//! Test not async.

use mongrate::testing::Database;

#[mongrate::test]
fn reads(db: Database) {}

fn main() {}
