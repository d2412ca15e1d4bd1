//! Function not async.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1)]
fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
