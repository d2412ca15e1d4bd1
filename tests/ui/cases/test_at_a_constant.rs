//! Test at a constant.

use mongrate::testing::Database;

const AT: i64 = 1;

#[mongrate::test(at = AT)]
async fn reads(db: Database) {}

fn main() {}
