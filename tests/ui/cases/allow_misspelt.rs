//! Allow misspelt.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, allow = ["large_transactions", "everything"])]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
