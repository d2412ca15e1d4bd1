//! Name with illegal bytes.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, name = "Add Users")]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
