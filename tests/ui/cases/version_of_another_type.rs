//! Version of another type.

use mongrate::{Result, Transaction, migration};

#[migration(version = 7u8)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
