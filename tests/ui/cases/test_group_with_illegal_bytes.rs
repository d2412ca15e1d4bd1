//! Test group with illegal bytes.

use mongrate::testing::Database;

#[mongrate::test(group = "tenant-a")]
async fn reads(db: Database) {}

fn main() {}
