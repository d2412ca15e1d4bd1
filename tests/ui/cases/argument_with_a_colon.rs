//! Argument with a colon.

use mongrate::{Result, Transaction, migration};

#[migration(version: 1)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
