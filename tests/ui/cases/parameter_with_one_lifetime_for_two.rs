//! Parameter with one lifetime for two.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1)]
async fn first<'a>(_tx: &'a mut Transaction<'a>) -> Result {
    Ok(())
}

fn main() {}
