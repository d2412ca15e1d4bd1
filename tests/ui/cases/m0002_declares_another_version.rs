//! A file that is named for version 2.

use mongrate::{Result, Transaction, migration};

#[migration(version = 3)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
