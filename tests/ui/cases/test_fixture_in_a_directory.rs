//! Test fixture in a directory.

use mongrate::testing::Database;

#[mongrate::test(fixtures("old/users"))]
async fn reads(db: Database) {}

fn main() {}
