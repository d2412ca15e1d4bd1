//! Function with an alias of an error that stays in its thread.

use mongrate::{Transaction, migration};

type Boxed = Box<dyn std::error::Error>;

#[migration(version = 1)]
async fn first(_tx: &mut Transaction<'_>) -> Result<(), Boxed> {
    Ok(())
}

fn main() {}
