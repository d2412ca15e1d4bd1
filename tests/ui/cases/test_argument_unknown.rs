//! Test argument unknown.

use mongrate::testing::Database;

#[mongrate::test(flavor = "multi_thread")]
async fn reads(db: Database) {}

fn main() {}
