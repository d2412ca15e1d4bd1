//! Function with a bounded lifetime.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1)]
async fn first<'a: 'a>(_tx: &'a mut Transaction<'_>) -> Result {
    Ok(())
}

#[migration(version = 2)]
async fn second<'a, 'b: 'a>(_tx: &'a mut Transaction<'b>) -> Result {
    Ok(())
}

fn main() {}
