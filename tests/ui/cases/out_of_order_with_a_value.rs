//! Out of order with a value.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, out_of_order = true)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
