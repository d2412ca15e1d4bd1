//! Makes the database refuse patients without a number or a family name. The migration has no rollback,
//! so it is irreversible: `down` reports this before it changes anything.

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
