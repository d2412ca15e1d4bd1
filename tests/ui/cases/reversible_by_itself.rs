//! Reversible by itself.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, reversible = first)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
