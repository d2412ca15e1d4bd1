//! Argument without a comma.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1 name = "first")]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
