//! Version declared twice in a group.

mod earlier {
    use mongrate::{Result, Transaction, migration};

    #[migration(version = 2, group = "audit")]
    pub async fn first(_tx: &mut Transaction<'_>) -> Result {
        Ok(())
    }
}

mod later {
    use mongrate::{Result, Transaction, migration};

    #[migration(version = 2, group = "audit")]
    pub async fn second(_tx: &mut Transaction<'_>) -> Result {
        Ok(())
    }
}

fn main() {}
