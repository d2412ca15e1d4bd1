//! Test argument given twice.

use mongrate::testing::Database;

#[mongrate::test(at = 1, at = 2)]
async fn reads(db: Database) {}

fn main() {}
