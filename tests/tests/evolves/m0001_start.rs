//! Start.

use mongrate::{Result, Transaction, migration};

/// Written by hand, before there were models.
#[migration(version = 1, reversible = undo_start)]
async fn start(_: &mut Transaction<'_>) -> Result {
    Ok(())
}

async fn undo_start(_: &mut Transaction<'_>) -> Result {
    Ok(())
}
