//! Argument unknown.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, author = "me")]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
