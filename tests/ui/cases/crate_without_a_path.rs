//! `crate` without a path.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, crate = "not a path")]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

#[migration(version = 2, crate)]
async fn second(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
