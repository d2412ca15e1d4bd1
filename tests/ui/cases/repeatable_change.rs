use mongrate::{Change, migration};

#[migration(repeatable)]
fn view(change: &mut Change) {
    change.create_collection("users");
}

fn main() {}
