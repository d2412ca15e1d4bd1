//! Uses of what is gone, and of what is elsewhere.

use mongrate::{Result, Transaction, migration};

#[migration(version = 1, uses = [money::round, std::time::Duration, money])]
async fn first(_tx: &mut Transaction<'_>) -> Result {
    Ok(())
}

mod money {
    pub fn floor() {}
}

fn main() {}
