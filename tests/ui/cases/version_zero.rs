//! Version zero.

use mongrate::{Result, Transaction, migration};

#[migration(version = 0)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
