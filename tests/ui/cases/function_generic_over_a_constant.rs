//! Function generic over a constant.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1)]
async fn first<const N: usize>(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
