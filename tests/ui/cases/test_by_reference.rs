//! Test by reference.

use mongrate::testing::Database;

#[mongrate::test]
async fn reads(db: &Database) {}

fn main() {}
