//! Parameters too many.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1)]
async fn first(_tx: &mut Transaction<'_>, _dry_run: bool) -> Result {
    Ok(())
}

fn main() {}
