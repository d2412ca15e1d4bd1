//! Change with a rollback function.

use mongrate::{Change, migration};

#[migration(version = 1, reversible = undo_first)]
fn first(change: &mut Change) {
    let _ = change;
}

fn undo_first(change: &mut Change) {
    let _ = change;
}

fn main() {}
