//! Reversible by a closure.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, reversible = |tx| undo_first(tx))]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
