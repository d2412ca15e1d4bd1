//! Function with a where clause.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1)]
async fn first(_tx: &mut Transaction<'_>) -> Result
where
    String: Default,
{
    Ok(())
}

fn main() {}
