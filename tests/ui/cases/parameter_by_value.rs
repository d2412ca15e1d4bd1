//! Parameter by value.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1)]
async fn first(_tx: Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
