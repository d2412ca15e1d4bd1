//! Reversible in quotes.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, reversible = "undo_first")]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
