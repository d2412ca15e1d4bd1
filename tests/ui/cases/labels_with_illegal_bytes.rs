use mongrate::{Result, Transaction, migration};

#[migration(version = 1, labels = ["Demo", "eu", "!eu", 7], contexts = "prod")]
async fn first(_: &mut Transaction<'_>) -> Result {
    Ok(())
}

#[migration(version = 2, labels = [])]
async fn second(_: &mut Transaction<'_>) -> Result {
    Ok(())
}

#[migration(version = 3, labels)]
async fn third(_: &mut Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
