//! Allow without a value.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, allow)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
