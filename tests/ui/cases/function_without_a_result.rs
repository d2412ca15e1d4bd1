//! Function without a result.

use mongrate::{Transaction, migration};

#[migration(version = 1)]
async fn first(_tx: &mut Transaction<'_>) {}

fn main() {}
