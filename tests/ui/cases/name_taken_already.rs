//! Name taken already.

mod earlier {
    use mongrate::{Result, Transaction, migration};

    #[migration(version = 1)]
    pub async fn up(_tx: &mut Transaction<'_>) -> Result {
        Ok(())
    }
}

mod later {
    use mongrate::{Result, Transaction, migration};

    #[migration(version = 2)]
    pub async fn up(_tx: &mut Transaction<'_>) -> Result {
        Ok(())
    }
}

fn main() {}
