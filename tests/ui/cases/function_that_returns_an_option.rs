//! Function that returns an option.

use mongrate::{Transaction, migration};

#[migration(version = 1)]
async fn first(_tx: &mut Transaction<'_>) -> Option<()> {
    None
}

fn main() {}
