//! Adopt hotfix.

use mongrate::{Change, bson::doc, migration};

/// Adopt hotfix.
///
/// Declares what was in the database and in no migration (`drift --adopt`).
#[migration(version = 2, reversible)]
fn adopt_hotfix(change: &mut Change) {
    change
        .create_collection("imported")
        .option("capped", true)
        .option("size", 4096)
        .option("validator", doc! { "$jsonSchema": { "required": ["a"] } })
        .if_not_exists();
    change
        .create_index("imported", doc! { "a": 1 })
        .name("a_1")
        .if_not_exists();
    change
        .coll_mod("users")
        .set("validationLevel", "strict")
        .set("validationAction", "warn");
    change
        .drop_index("users", doc! { "email": 1 })
        .unique(true)
        .name("email_1")
        .if_exists();
    change
        .create_index("users", doc! { "ends": 1 })
        .expire_after(std::time::Duration::from_secs(60))
        .name("ends_1")
        .if_not_exists();
    change
        .create_index("users", doc! { "plan": 1, "age": -1 })
        .sparse(true)
        .name("hotfix")
        .if_not_exists();
}
