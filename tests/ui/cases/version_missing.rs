//! Version missing.

use mongrate::{Result, Transaction, migration};

#[migration]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
