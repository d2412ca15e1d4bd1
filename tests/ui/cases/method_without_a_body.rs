//! Method without a body.

use mongrate::{Result, Transaction, migration};

trait Migrations {
    #[migration(version = 1)]
    async fn first(_tx: &mut Transaction<'_>) -> Result;
}

fn main() {}
