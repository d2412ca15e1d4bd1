use mongrate::{Change, migration};

#[migration(version = 1, reversible = true)]
fn says_true(change: &mut Change) {
    change.create_collection("a");
}

fn main() {}
