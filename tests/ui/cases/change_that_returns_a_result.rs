//! Change that returns a result.

use mongrate::{Change, Result, migration};

#[migration(version = 1)]
fn first(change: &mut Change) -> Result {
    let _ = change;
    Ok(())
}

fn main() {}
