use mongrate::{Change, migration};

#[migration(
    version = 9,
    reversible,
    labels = ["demo"],
    replaces = "5:3:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
)]
fn squash(change: &mut Change) {
    change.create_collection("plans");
}

fn main() {}
