//! Method with self.

use mongrate::{Result, Transaction, migration};

struct Migrations;

impl Migrations {
    #[migration(version = 1)]
    async fn first(&self, _tx: &mut Transaction<'_>) -> Result {
        Ok(())
    }
}

fn main() {}
