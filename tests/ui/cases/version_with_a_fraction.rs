//! Version with a fraction.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1.5)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
