use mongrate::{Result, Transaction, migration};

#[migration(version = 7)]
async fn prices(_: &mut Transaction<'_>) -> Result {
    Ok(())
}

mod views {
    use super::*;

    #[migration(repeatable, labels = "demo")]
    async fn prices(_: &mut Transaction<'_>) -> Result {
        Ok(())
    }
}

fn main() {}
