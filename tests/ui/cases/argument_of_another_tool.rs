//! Argument of another tool.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, down = undo)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

async fn undo(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
