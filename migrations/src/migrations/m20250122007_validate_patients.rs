//! From here on the database refuses patients without a number or a family name. Nobody
//! wrote a rollback: it is irreversible, and `down` says so before it touches anything.

use mongrate::{Online, Result, bson::doc, migration};

#[migration(version = 20250122007)]
async fn validate_patients(on: &mut Online<'_>) -> Result {
    on.coll_mod(
        "patients",
        doc! {
            "validator": { "$jsonSchema": {
                "required": ["number", "family"],
                "properties": { "number": { "bsonType": "string" } },
            } },
            "validationLevel": "moderate",
        },
    )
    .await
}
