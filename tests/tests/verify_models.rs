//! `verify!(models)`, of migrations that lead to the models.

use mongrate::{
    Change, Online, Result,
    bson::{DateTime, doc},
    migration,
};
use serde::{Deserialize, Serialize};

/// A model with everything that the test compares.
#[derive(Serialize, Deserialize, mongrate::Model)]
#[model(collection = "guests", validate = "moderate")]
#[model(index(email, unique), index(since = -1, expire_after_seconds = 60, name = "fresh"))]
pub struct Guest {
    /// Where mail goes.
    pub email: String,
    /// The nights.
    pub nights: Option<i32>,
    /// Since when.
    pub since: Option<DateTime>,
}

/// A model of which nothing is wanted.
#[derive(Serialize, Deserialize, mongrate::Model)]
#[model(collection = "notes")]
pub struct Note {
    /// The text.
    pub text: String,
}

#[migration(version = 1, reversible)]
fn guests(change: &mut Change) {
    let schema = doc! {
        "bsonType": "object",
        "required": ["email"],
        "properties": {
            "email": { "bsonType": "string" },
            "nights": { "bsonType": ["null", "int"] },
            "since": { "bsonType": ["date", "null"] },
        },
    };
    change
        .create_collection("guests")
        .validator(doc! { "$jsonSchema": schema })
        .validation_level("moderate");
    change.create_index("guests", doc! { "email": 1 }).unique(true);
    // No model describes it: it does not count.
    change.create_index("audit", doc! { "at": 1 });
}

/// Of another group: a model belongs to none.
#[migration(version = 1, group = "slow")]
async fn fresh(on: &mut Online<'_>) -> Result {
    let index = on.create_index("guests", doc! { "since": -1 }).name("fresh");
    index.expire_after(std::time::Duration::from_secs(60)).await
}

mongrate::verify!(models);
