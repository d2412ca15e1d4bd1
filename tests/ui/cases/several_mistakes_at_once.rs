//! Several mistakes at once.

use mongrate::{Transaction, migration};

#[migration(version = 0, name = "Add Users", reversible, verbose)]
fn first(_tx: Transaction<'_>, _again: bool) {}

fn main() {}
