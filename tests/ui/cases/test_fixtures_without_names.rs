//! Test fixtures without names.

use mongrate::testing::Database;

#[mongrate::test(fixtures = "users")]
async fn reads(db: Database) {}

fn main() {}
