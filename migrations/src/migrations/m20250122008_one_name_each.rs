//! A declared migration, so its rollback is derived. It removes `name`, which an earlier migration
//! split: no running version of the app reads the field any more. `clinic purge` deletes the values,
//! which are kept until then.

use mongrate::{Change, bson::doc, migration};

#[migration(version = 20250122008, reversible)]
fn one_name_each(change: &mut Change) {
    change.create_index("patients", doc! { "family": 1, "given": 1 }).name("by_name");
    change.remove_field("patients", "name");
    change.rename_field("visits", "reason", "complaint");
}
