use mongrate::{Result, Transaction, migration};

#[migration(version = 1, after = ["billing", "default::7", "default::0"])]
async fn first(_: &mut Transaction<'_>) -> Result {
    Ok(())
}

#[migration(version = 2, group = "shop", after = "shop::1")]
async fn second(_: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
