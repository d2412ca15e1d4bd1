//! Test at in quotes.

use mongrate::testing::Database;

#[mongrate::test(at = "20250122002")]
async fn reads(db: Database) {}

fn main() {}
