//! Uses that is no list.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, uses = crate::money::round)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
