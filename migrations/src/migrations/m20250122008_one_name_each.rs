//! A declared migration, so its rollback is derived. Its text is what `cargo mongrate diff` writes where
//! the types of patients and visits have changed like this. It removes `name`, which an earlier
//! migration split: no running version of the app reads the field any more. `clinic purge` deletes the
//! values, which are kept until then.

use mongrate::{Change, bson::doc, migration};

#[migration(version = 20250122008, reversible)]
fn one_name_each(change: &mut Change) {
    change.unset_validator("patients");
    change.remove_field("patients", "name");
    let validator = doc! {
        "$jsonSchema": {
            "bsonType": "object",
            "required": ["born", "country", "family", "given", "number"],
            "properties": {
                "born": { "bsonType": "long" },
                "country": { "bsonType": "string" },
                "family": { "bsonType": "string" },
                "given": { "bsonType": "string" },
                "number": { "bsonType": "string" },
            },
        },
    };
    change.set_validator("patients", validator).level("moderate").action("error");
    change.rename_field("visits", "reason", "complaint");
    change.create_index("patients", doc! { "family": 1, "given": 1 }).name("by_name");
}
