//! `drift`: the live schema next to the schema that the migrations lead to, on a real server.

mod adopt;
// As it is written: with the settings that `rustfmt` has by default.
#[rustfmt::skip]
mod adopted;
mod differences;
mod sample;
mod shell;
mod sides;

use mongrate::{
    Change, Migration, Migrator, SchemaDriftReport,
    bson::{Document, doc},
};
use mongrate_tests::TestDb;

/// What the migrations of these tests lead to: a collection with a validator and three indexes, a time
/// series, a view, and a collection of which nothing is wanted.
const MODELS: &str = r#"mongrate-models v1
notes options collection
notes Note root object@Note
notes Note field text string
readings options timeseries {"timeseries":{"granularity":"minutes","metaField":"sensor","timeField":"at"}}
readings Reading root object@Reading
readings Reading field at date
readings Reading field sensor string
users options collection moderate/error
users index by_city {"key":{"address.city":1,"email":-1},"partialFilterExpression":{"age":{"$gt":18}},"sparse":false}
users index email_1 {"key":{"email":1},"unique":true}
users index seen_at_1 {"key":{"seen_at":1},"expireAfterSeconds":3600}
users User root object@User
users User field _id objectId
users User field address optional object@Address
users User field address.city string
users User field age optional int|long
users User field email string
users User field plan "free"|"pro"@Plan
users User field seen_at optional date
users User field tags [string]
young options view
young Young root object@Young
young Young field email string
end
"#;

/// The validator of `users`, in another notation than Mongrate's.
fn validator() -> Document {
    doc! { "$jsonSchema": {
        "title": "User",
        "properties": {
            "tags": { "items": { "bsonType": ["string"] }, "bsonType": "array" },
            "email": { "description": "where mail goes", "bsonType": "string" },
            "_id": { "bsonType": "objectId" },
            "plan": { "enum": ["pro", "free"] },
            "age": { "bsonType": ["long", "int"] },
            "seen_at": { "bsonType": "date" },
            "address": {
                "bsonType": "object",
                "properties": { "city": { "bsonType": "string" } },
                "required": ["city"],
            },
        },
        "required": ["email", "_id", "tags", "plan"],
        "bsonType": "object",
    } }
}

fn schema(change: &mut Change) {
    change
        .create_collection("users")
        .validator(validator())
        .validation_level("moderate")
        .validation_action("error");
    change.create_index("users", doc! { "email": 1 }).unique(true);
    change
        .create_index("users", doc! { "address.city": 1, "email": -1 })
        .partial_filter(doc! { "age": { "$gt": 18 } })
        .name("by_city");
    change
        .create_index("users", doc! { "seen_at": 1 })
        .expire_after(std::time::Duration::from_secs(3_600));
    change
        .create_collection("readings")
        .time_series("at")
        .meta_field("sensor")
        .granularity("minutes");
    change
        .create_collection("young")
        .view_on("users", vec![doc! { "$match": { "age": { "$lt": 30 } } }]);
    // No model describes it.
    change.create_collection("audit");
    change.create_index("audit", doc! { "at": 1 });
}

const SCHEMA: Migration = Migration::declared(1, "schema", schema);

/// A database in which the migration is applied.
async fn migrated(test: &str) -> (TestDb, Migrator) {
    let fresh = TestDb::new(test).await;
    let migrator = fresh.migrator([SCHEMA]);
    migrator.up().await.unwrap();
    (fresh, migrator)
}

async fn drift(migrator: &Migrator) -> SchemaDriftReport {
    migrator.clone().models(MODELS).drift().await.unwrap()
}

/// The differences, each as `kind collection/index: options`.
fn told(report: &SchemaDriftReport) -> Vec<String> {
    let differences = report.differences.iter();
    differences
        .map(|difference| {
            let index = difference.index.as_ref().map(|index| format!("/{index}"));
            let options = match difference.options.is_empty() {
                true => String::new(),
                false => format!(": {}", difference.options.join(", ")),
            };
            let index = index.unwrap_or_default();
            format!("{} {}{index}{options}", difference.kind, difference.collection)
        })
        .collect()
}
