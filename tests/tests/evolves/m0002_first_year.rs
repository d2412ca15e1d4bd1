//! First year.

use mongrate::{Change, bson::doc, migration};

/// First year.
///
/// Written by `cargo mongrate diff`: from what the migrations before it lead to, to what the
/// models want.
#[migration(version = 2, reversible)]
fn first_year(change: &mut Change) {
    let validator = doc! {
        "$jsonSchema": {
            "bsonType": "object",
            "required": ["_id", "age", "city", "mail", "phones", "plan"],
            "properties": {
                "_id": { "bsonType": "int" },
                "age": { "bsonType": "int" },
                "city": { "bsonType": "string" },
                "company": {
                    "bsonType": ["object", "null"],
                    "required": ["name"],
                    "properties": { "name": { "bsonType": "string" } },
                },
                "fax": { "bsonType": ["string", "null"] },
                "mail": { "bsonType": "string" },
                "phones": {
                    "bsonType": "array",
                    "items": {
                        "bsonType": "object",
                        "required": ["number"],
                        "properties": { "number": { "bsonType": "string" } },
                    },
                },
                "plan": { "enum": ["Free", "Trial"] },
                "score": { "bsonType": ["null", "int"] },
            },
        },
    };
    change
        .create_collection("customers")
        .validator(validator)
        .validation_level("strict")
        .validation_action("error");
    let validator = doc! {
        "$jsonSchema": {
            "bsonType": "object",
            "required": ["_id", "text"],
            "properties": { "_id": { "bsonType": "int" }, "text": { "bsonType": "string" } },
        },
    };
    change
        .create_collection("drafts")
        .validator(validator)
        .validation_level("moderate")
        .validation_action("warn");
    change.create_collection("notes");
    change.create_index("customers", doc! { "score": 1 });
    change.create_index("notes", doc! { "text": 1 });
    change
        .create_index("customers", doc! { "mail": 1 })
        .unique(true);
}
