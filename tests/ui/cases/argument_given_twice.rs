//! Argument given twice.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, version = 2)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
