//! Group with illegal bytes.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, group = "tenant-a")]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
