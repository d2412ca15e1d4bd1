//! Versions out of order.

use mongrate::{Result, Transaction, migration};

#[migration(version = 9001)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

#[migration(version = 9003)]
async fn third(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

#[migration(version = 9002)]
async fn second(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

#[migration(version = 9009)]
async fn fourth(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
