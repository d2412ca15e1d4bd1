//! Example six.

use mongrate::{Change, migration};

/// Example six.
///
/// Declared: the operations are only written down here. They are run one by one, each resumed
/// after a crash. It has no rollback: write `reversible` to have them undone in reverse order.
#[migration(version = 20260102006)]
fn example_six(change: &mut Change) {
    // For example, with `use mongrate::bson::doc;` above:
    //
    //     change.create_index("users", doc! { "email": 1 }).unique(true);
    //     change.rename_field("users", "fullname", "name");
    //
    // A migration that declares nothing is refused by `up`.
    let _ = change;
}
