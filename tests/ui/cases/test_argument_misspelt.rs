//! Test argument misspelt.

use mongrate::testing::Database;

#[mongrate::test(version = 1)]
async fn reads(db: Database) {}

fn main() {}
