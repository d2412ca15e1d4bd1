//! Version missing among others.

use mongrate::{Result, Transaction, migration};

#[migration(name = "first")]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
