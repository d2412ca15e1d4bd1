//! Parameter missing.

use mongrate::{Result, migration};

#[migration(version = 1)]
async fn first() -> Result {
    Ok(())
}

fn main() {}
