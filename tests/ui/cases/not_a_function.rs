//! Not a function.

use mongrate::migration;

#[migration(version = 1)]
struct First;

fn main() {}
