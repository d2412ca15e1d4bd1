//! Function with an error that is none.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1)]
async fn first(_tx: &mut Transaction<'_>) -> Result<(), u8> {
    Ok(())
}

fn main() {}
