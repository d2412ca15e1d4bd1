//! Name without a value.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, name)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
