//! Example six.

use mongrate::{Change, migration};

/// Example six.
///
/// Declared: the function only describes operations, and touches no database. The operations run
/// one by one. After a crash the run resumes inside the operation that it had reached. The
/// migration has no rollback, so `down` refuses to go below it; with `reversible`, `down` undoes the
/// operations in reverse order.
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
