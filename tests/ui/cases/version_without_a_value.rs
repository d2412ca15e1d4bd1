//! Version without a value.

use mongrate::{Result, Transaction, migration};

#[migration(version =)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
