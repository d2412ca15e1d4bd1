//! Test generic.

use mongrate::testing::Database;

#[mongrate::test]
async fn reads<T>(db: Database) {}

fn main() {}
