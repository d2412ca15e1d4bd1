//! Second year.

use mongrate::{Change, FieldType, bson::doc, migration};

/// Second year.
///
/// Written by `cargo mongrate diff`: from what the migrations before it lead to, to what the
/// models want.
#[migration(version = 3, reversible)]
fn second_year(change: &mut Change) {
    change.rename_collection("notes", "remarks");
    let validator = doc! {
        "$jsonSchema": {
            "bsonType": "object",
            "required": ["_id", "customer", "total"],
            "properties": {
                "_id": { "bsonType": "int" },
                "customer": { "bsonType": "int" },
                "total": { "bsonType": "double" },
            },
            "additionalProperties": false,
        },
    };
    change
        .create_collection("orders")
        .validator(validator)
        .validation_level("strict")
        .validation_action("error");
    change
        .drop_index("customers", doc! { "mail": 1 })
        .unique(true);
    change.unset_validator("customers");
    change.rename_field("customers", "mail", "email");
    change.rename_field("customers", "phones.number", "phones.digits");
    change.move_field("customers", "city", "address.city");
    change.change_type("customers", "age", FieldType::Int, FieldType::String);
    let forward = doc! {
        "$set": {
            "company": {
                "$cond": [
                    { "$eq": [{ "$type": "$company" }, "object"] },
                    {
                        "$mergeObjects": [
                            "$company",
                            {
                                "countries": {
                                    "$cond": [
                                        { "$eq": [{ "$type": "$company.countries" }, "missing"] },
                                        { "$literal": ["DE"] },
                                        "$company.countries",
                                    ],
                                },
                            },
                        ],
                    },
                    "$company",
                ],
            },
        },
    };
    let backward = doc! { "$unset": "company.countries" };
    let filter = doc! {
        "company": { "$type": "object" },
        "company.countries": { "$exists": false },
    };
    change
        .update("customers", vec![forward], vec![backward])
        .filter(filter);
    change.add_field("customers", "phones.kind", "home");
    let forward = doc! {
        "$set": { "plan": { "$cond": [{ "$eq": ["$plan", "Trial"] }, "Free", "$plan"] } },
    };
    let filter = doc! { "plan": { "$in": ["Trial"] } };
    change
        .update("customers", vec![forward], Vec::new())
        .filter(filter);
    let forward = doc! {
        "$set": { "score": { "$cond": [{ "$eq": [{ "$type": "$score" }, "null"] }, 0, "$score"] } },
    };
    let filter = doc! { "score": { "$type": "null" } };
    change
        .update("customers", vec![forward], Vec::new())
        .filter(filter);
    change.add_field("customers", "score", 0);
    change.add_field("customers", "address.country", "DE");
    change.add_field("customers", "level", 3_i64);
    change.remove_field("customers", "fax");
    let validator = doc! {
        "$jsonSchema": {
            "bsonType": "object",
            "required": ["_id", "address", "age", "email", "level", "phones", "plan", "score"],
            "properties": {
                "_id": { "bsonType": "int" },
                "address": {
                    "bsonType": "object",
                    "required": ["city", "country"],
                    "properties": {
                        "city": { "bsonType": "string" },
                        "country": { "bsonType": "string" },
                    },
                },
                "age": { "bsonType": "string" },
                "company": {
                    "bsonType": ["object", "null"],
                    "required": ["countries", "name"],
                    "properties": {
                        "countries": { "bsonType": "array", "items": { "bsonType": "string" } },
                        "name": { "bsonType": "string" },
                    },
                },
                "email": { "bsonType": "string" },
                "level": { "bsonType": "long" },
                "nickname": { "bsonType": ["string", "null"] },
                "phones": {
                    "bsonType": "array",
                    "items": {
                        "bsonType": "object",
                        "required": ["digits", "kind"],
                        "properties": {
                            "digits": { "bsonType": "string" },
                            "kind": { "bsonType": "string" },
                        },
                    },
                },
                "plan": { "enum": ["Free", "Pro"] },
                "score": { "bsonType": "int" },
            },
        },
    };
    change
        .set_validator("customers", validator)
        .level("strict")
        .action("error");
    change.hide_index("customers", "score_1");
    let validator = doc! {
        "$jsonSchema": {
            "bsonType": "object",
            "required": ["_id", "text"],
            "properties": { "_id": { "bsonType": "int" }, "text": { "bsonType": "string" } },
        },
    };
    change
        .set_validator("remarks", validator)
        .level("moderate")
        .action("error");
    let keys = doc! { "plan": 1, "address.city": -1 };
    change
        .create_index("customers", keys)
        .partial_filter(doc! { "plan": "Pro" });
    change.create_index("orders", doc! { "customer": 1 });
    change
        .create_index("customers", doc! { "email": 1 })
        .unique(true);
    change.drop_collection("drafts");
}
