//! Function generic.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1)]
async fn first<T: Default>(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
