//! Version from a constant.

use mongrate::{Result, Transaction, migration};

const VERSION: i64 = 1;

#[migration(version = VERSION)]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

const _: i64 = VERSION;

fn main() {}
