//! Parameter by shared reference.

use mongrate::{Online, Result, migration};

#[migration(version = 1)]
async fn first(_on: &Online<'_>) -> Result {
    Ok(())
}

fn main() {}
