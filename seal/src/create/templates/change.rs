//! Example five.

use mongrate::{Change, migration};

/// Example five.
///
/// Declared: the function only says what is to be done, and touches no database. The operations
/// run one by one. After a crash the run resumes within the operation that it was at. `down` undoes
/// them in reverse order.
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
