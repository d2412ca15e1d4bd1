//! Change that is async.

use mongrate::{Change, migration};

#[migration(version = 1, reversible)]
async fn first(change: &mut Change) {
    let _ = change;
}

fn main() {}
