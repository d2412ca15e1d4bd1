//! Parameter of a type of the same name.

use mongrate::{Result, migration};

mod own {
    pub struct Transaction<'a>(pub &'a str);
}

#[migration(version = 1)]
async fn first(_tx: &mut own::Transaction<'_>) -> Result {
    Ok(())
}

fn main() {}
