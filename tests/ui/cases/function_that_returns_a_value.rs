//! Function that returns a value.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1)]
async fn first(_tx: &mut Transaction<'_>) -> Result<u32> {
    Ok(1)
}

fn main() {}
