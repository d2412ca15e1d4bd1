//! Version too large.

use mongrate::{Result, Transaction, migration};

#[migration(version = 9223372036854775808)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
