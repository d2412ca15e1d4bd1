//! Function unsafe.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1)]
async unsafe fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
