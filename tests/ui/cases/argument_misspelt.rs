//! Argument misspelt.

use mongrate::{Result, Transaction, migration};

#[migration(vresion = 1)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
