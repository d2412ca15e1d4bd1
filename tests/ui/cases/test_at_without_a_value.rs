//! Test at without a value.

use mongrate::testing::Database;

#[mongrate::test(at)]
async fn reads(db: Database) {}

fn main() {}
