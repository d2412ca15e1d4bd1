//! Test fixture with its extension.

use mongrate::testing::Database;

#[mongrate::test(fixtures("users.json"))]
async fn reads(db: Database) {}

fn main() {}
