//! Parameter of another type.

use mongrate::{Result, migration};

#[migration(version = 1)]
async fn first(_db: &mut String) -> Result {
    Ok(())
}

fn main() {}
