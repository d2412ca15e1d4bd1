//! Version declared twice.

mod earlier {
    use mongrate::{Result, Transaction, migration};

    #[migration(version = 9009)]
    pub async fn first(_tx: &mut Transaction<'_>) -> Result {
        Ok(())
    }
}

mod later {
    use mongrate::{Result, Transaction, migration};

    #[migration(version = 9009)]
    pub async fn second(_tx: &mut Transaction<'_>) -> Result {
        Ok(())
    }
}

fn main() {}
