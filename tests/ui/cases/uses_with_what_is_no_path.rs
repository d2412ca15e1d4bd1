//! Uses with what is no path of an item.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, uses = ["round", 7, table!(), Price::<u8>])]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
