//! Method of a trait.

use mongrate::{Result, Transaction, migration};

trait Migrations {
    #[migration(version = 1)]
    async fn first(_tx: &mut Transaction<'_>) -> Result {
        Ok(())
    }
}

fn main() {}
