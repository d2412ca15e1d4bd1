//! Rollback that is a migration.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

#[migration(version = 2, reversible = first)]
async fn second(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

#[migration(version = 3, reversible = self::fourth)]
async fn third(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

#[migration(version = 4)]
async fn fourth(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
