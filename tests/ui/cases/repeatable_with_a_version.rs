use mongrate::{Result, Transaction, migration};

async fn undo(_: &mut Transaction<'_>) -> Result {
    Ok(())
}

#[migration(version = 1, repeatable, reversible = undo, out_of_order)]
async fn prices(_: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
