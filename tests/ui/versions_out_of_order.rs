//! Versions out of order.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

#[migration(version = 3)]
async fn third(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

#[migration(version = 2)]
async fn second(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

#[migration(version = 4)]
async fn fourth(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
