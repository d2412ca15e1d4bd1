//! Rollback of an online migration, of another kind.

use mongrate::{Online, Result, Transaction, migration};

#[migration(version = 1, reversible = undo_first)]
async fn first(_on: &mut Online<'_>) -> Result {
    Ok(())
}

async fn undo_first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
