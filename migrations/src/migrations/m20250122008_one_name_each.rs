//! Declared: the rollback is derived. `name` was split by an earlier migration; it goes now, as
//! no running version of the app reads it any more. Its values are kept until `clinic purge`.

use mongrate::{Change, bson::doc, migration};

#[migration(version = 20250122008, reversible)]
fn one_name_each(change: &mut Change) {
    change.create_index("patients", doc! { "family": 1, "given": 1 }).name("by_name");
    change.remove_field("patients", "name");
    change.rename_field("visits", "reason", "complaint");
}
