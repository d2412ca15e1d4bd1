use mongrate::{Change, migration};

#[migration(version = 1, reversible)]
fn reads_only(change: &Change) {
    let _ = change;
}

fn main() {}
