//! Name from an illegal function name.

use mongrate::{Result, Transaction, migration};

#[allow(non_snake_case)]
#[migration(version = 1)]
async fn addUsers(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
