//! Function extern.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1)]
async extern "C" fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
