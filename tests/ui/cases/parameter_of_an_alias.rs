//! Parameter of an alias, and of a renamed import.

use mongrate::{Result, Transaction as Tx, migration};

type Session<'a> = mongrate::Transaction<'a>;

#[migration(version = 1)]
async fn first(tx: &mut Session<'_>) -> Result {
    let _ = tx;
    Ok(())
}

#[migration(version = 2)]
async fn second(tx: &mut Tx<'_>) -> Result {
    let _ = tx;
    Ok(())
}

fn main() {}
