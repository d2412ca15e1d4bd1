//! Example five.

use mongrate::{Change, migration};

/// Example five.
///
/// Declared: the operations are only written down here. They are run one by one, each resumed
/// after a crash, and undone in reverse order by `down`.
#[migration(version = 20260102005, reversible)]
fn example_five(change: &mut Change) {
    // For example, with `use mongrate::bson::doc;` above:
    //
    //     change.create_index("users", doc! { "email": 1 }).unique(true);
    //     change.rename_field("users", "fullname", "name");
    //
    // A migration that declares nothing is refused by `up`.
    let _ = change;
}
