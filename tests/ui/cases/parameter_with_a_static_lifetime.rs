//! Parameter with a static lifetime.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1)]
async fn first(_tx: &mut Transaction<'static>) -> Result {
    Ok(())
}

fn main() {}
