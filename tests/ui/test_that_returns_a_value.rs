//! Test that returns a value.

use mongrate::testing::Database;

#[mongrate::test]
async fn reads(db: Database) -> u32 {
    1
}

fn main() {}
