//! Test with two parameters.

use mongrate::testing::Database;

#[mongrate::test]
async fn reads(db: Database, other: Database) {}

fn main() {}
