//! `verify!(models)`, of migrations that lead elsewhere.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mongrate::{Change, bson::doc, migration, testing::__private::verify_models};
use serde::{Deserialize, Serialize};

/// A model.
#[derive(Serialize, Deserialize, mongrate::Model)]
#[model(collection = "guests", validate = "strict", index(email, unique), index(nights))]
pub struct Guest {
    /// Where mail goes.
    pub email: String,
    /// The nights.
    pub nights: Option<i32>,
}

#[migration(version = 1, reversible)]
fn guests(change: &mut Change) {
    let schema = doc! {
        "bsonType": "object",
        "required": ["email"],
        "properties": { "email": { "bsonType": "string" }, "nights": { "bsonType": "int" } },
    };
    change.create_collection("guests").validator(doc! { "$jsonSchema": schema });
    change.create_index("guests", doc! { "email": 1 });
    change.create_index("guests", doc! { "plan": 1 });
}

#[test]
fn each_difference_is_named() {
    let run = || verify_models("each_difference_is_named", env!("CARGO_MANIFEST_DIR"));
    let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("    ")).collect();
    assert_eq!(lines[0], "the migrations do not lead to what the models want:");
    assert_eq!(
        lines[1..5],
        [
            "  guests: the validator is another one: it differs in properties.nights.bsonType",
            "  guests: the index `email_1` is another one: it differs in unique",
            "  guests: the index `nights_1` is missing",
            "  guests: no model wants the index `plan_1`",
        ],
        "{text}"
    );
    assert!(lines[5].starts_with("`cargo mongrate diff NAME` writes the migration"), "{text}");
}
