//! Argument without a key.

use mongrate::{Result, Transaction, migration};

#[migration(20250122001)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
