//! Reversible without a rollback.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, reversible)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
