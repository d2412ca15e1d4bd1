//! Function with an error that stays in its thread.

use std::error::Error;

use mongrate::{Online, Transaction, migration};

#[migration(version = 1)]
async fn first(_tx: &mut Transaction<'_>) -> Result<(), Box<dyn Error>> {
    Ok(())
}

#[migration(version = 2)]
async fn second(_on: &mut Online<'_>) -> Result<(), Box<dyn Error + Send>> {
    Ok(())
}

fn main() {}
