//! Test given twice.

use mongrate::testing::Database;

#[mongrate::test]
#[test]
async fn reads(db: Database) {}

fn main() {}
