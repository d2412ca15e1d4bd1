//! Rollback of two migrations.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, reversible = undo)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

#[migration(version = 2, reversible = undo)]
async fn second(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

async fn undo(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

/// Functions of the same names, each in a module of its own.
mod apart {
    pub(crate) mod one {
        use mongrate::{Result, Transaction, migration};

        #[migration(version = 3, name = "third", reversible = down)]
        async fn up(_tx: &mut Transaction<'_>) -> Result {
            Ok(())
        }

        async fn down(_tx: &mut Transaction<'_>) -> Result {
            Ok(())
        }
    }

    pub(crate) mod two {
        use mongrate::{Result, Transaction, migration};

        #[migration(version = 4, name = "fourth", reversible = down)]
        async fn up(_tx: &mut Transaction<'_>) -> Result {
            Ok(())
        }

        async fn down(_tx: &mut Transaction<'_>) -> Result {
            Ok(())
        }
    }
}

fn main() {}
