//! A shop whose types change: what `cargo mongrate diff` wrote goes up, comes down and goes up again on a
//! real server, which then has exactly what the models want.
//!
//! The migrations are those that `cargo-mongrate/tests/models` compares, byte by byte, with what `diff`
//! writes for the types `v1` and `v2`.

mod m0001_start;
// As `diff` writes them: for the default settings of rustfmt.
#[rustfmt::skip]
mod m0002_first_year;
#[rustfmt::skip]
mod m0003_second_year;
#[expect(dead_code, reason = "only their shapes are asked for")]
mod v1;
#[expect(dead_code, reason = "only their shapes are asked for")]
mod v2;

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use mongrate::{
    Migrator,
    bson::{Bson, Document, doc},
    mongodb::Database,
};
use mongrate_seal::models::{Collection, CollectionKind, Json, Snapshot};
use mongrate_tests::{TestDb, snapshot::snapshot};

#[tokio::test]
async fn types_change_and_the_database_follows() {
    let fresh = TestDb::new("evolves").await;
    let migrator = Migrator::new(&fresh.db);
    migrator.up().to(2).await.unwrap();
    has_what_the_models_want(&fresh.db, include_str!("v1.snap")).await;
    let (customers, expected) = customers();
    let db = &fresh.db;
    db.collection("customers").insert_many(customers).await.unwrap();
    db.collection("notes").insert_one(doc! { "_id": 1, "text": "x" }).await.unwrap();
    db.collection("drafts").insert_one(doc! { "_id": 1, "text": "y" }).await.unwrap();
    let before = snapshot(db).await;

    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    has_what_the_models_want(db, include_str!("v2.snap")).await;
    assert_eq!(all(db, "customers").await, expected);
    assert_eq!(all(db, "remarks").await, [doc! { "_id": 1, "text": "x" }]);
    let after = snapshot(db).await;

    migrator.down().to(2).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(snapshot(db).await, before, "the rollback restores what was there");
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(snapshot(db).await, after, "and again");
    has_what_the_models_want(db, include_str!("v2.snap")).await;
    fresh.pass().await;
}

/// Customers of the first year, and what becomes of them.
fn customers() -> (Vec<Document>, Vec<Document>) {
    let phones = || vec![doc! { "number": "1" }, doc! { "number": "2" }];
    let new_phones =
        || vec![doc! { "digits": "1", "kind": "home" }, doc! { "digits": "2", "kind": "home" }];
    let old = vec![
        doc! { "_id": 1, "mail": "a@x", "age": 30, "plan": "Free", "city": "Ulm", "fax": "9", "score": 5,
        "phones": phones(), "company": { "name": "A" } },
        doc! { "_id": 2, "mail": "b@x", "age": 31, "plan": "Trial", "city": "Bonn", "fax": Bson::Null,
        "score": Bson::Null, "phones": [], "company": Bson::Null },
        doc! { "_id": 3, "mail": "c@x", "age": 32, "plan": "Trial", "city": "Jena", "phones": phones() },
    ];
    let new = [
        doc! { "_id": 1, "email": "a@x", "age": "30", "plan": "Free", "score": 5, "phones": new_phones(),
        "company": { "name": "A", "countries": ["DE"] }, "level": 3_i64,
        "address": { "city": "Ulm", "country": "DE" } },
        doc! { "_id": 2, "email": "b@x", "age": "31", "plan": "Free", "score": 0, "phones": [],
        "company": Bson::Null, "level": 3_i64, "address": { "city": "Bonn", "country": "DE" } },
        doc! { "_id": 3, "email": "c@x", "age": "32", "plan": "Free", "score": 0, "phones": new_phones(),
        "level": 3_i64, "address": { "city": "Jena", "country": "DE" } },
    ];
    (old, new.iter().map(sorted).collect())
}

/// The documents by `_id`, with fields in the order of their names.
async fn all(db: &Database, collection: &str) -> Vec<Document> {
    let found = db.collection::<Document>(collection).find(doc! {}).sort(doc! { "_id": 1 }).await;
    let found: Vec<Document> = found.unwrap().try_collect().await.unwrap();
    found.iter().map(sorted).collect()
}

fn sorted(document: &Document) -> Document {
    let fields: BTreeMap<String, Bson> =
        document.iter().map(|(name, value)| (name.clone(), sorted_value(value))).collect();
    fields.into_iter().collect()
}

fn sorted_value(value: &Bson) -> Bson {
    match value {
        Bson::Document(document) => Bson::Document(sorted(document)),
        Bson::Array(items) => Bson::Array(items.iter().map(sorted_value).collect()),
        other => other.clone(),
    }
}

/// That the database has the collections, validators and indexes of a `models.snap`, and no others, and that
/// no document fails its validator.
async fn has_what_the_models_want(db: &Database, file: &str) {
    let wanted = Snapshot::parse(file).unwrap();
    let found = db.list_collections().await.unwrap();
    let found: Vec<_> = found.try_collect().await.unwrap();
    let found: BTreeMap<_, _> = found
        .into_iter()
        .filter(|it| !it.name.starts_with("migrations"))
        .map(|it| (it.name.clone(), it.options))
        .collect();
    let names: Vec<&String> = wanted.collections.keys().collect();
    assert_eq!(found.keys().collect::<Vec<_>>(), names);
    for (name, collection) in &wanted.collections {
        assert_eq!(collection.kind, CollectionKind::Collection);
        let options = mongrate::bson::serialize_to_document(&found[name]).unwrap();
        let validator = collection.validator();
        let found = options.get("validator").map(|found| text(&sorted_value(found)));
        assert_eq!(found, validator.as_ref().map(|wanted| text(&bson(wanted))), "{name}");
        if let Some(validation) = collection.validation {
            let level = options.get_str("validationLevel").unwrap_or("strict");
            let action = options.get_str("validationAction").unwrap_or("error");
            assert_eq!(format!("{level}/{action}"), validation.to_string(), "{name}");
        }
        assert_eq!(indexes(db, name).await, wanted_indexes(collection), "{name}");
        let validator = validator.as_ref().map(bson).unwrap_or(doc! {}.into());
        let unfit = doc! { "$nor": [validator] };
        let unfit = db.collection::<Document>(name).count_documents(unfit).await.unwrap();
        let is_judged = collection.validation.is_some();
        assert!(!is_judged || unfit == 0, "{unfit} documents of {name}");
    }
}

fn bson(json: &Json) -> Bson {
    sorted_value(&serde_json::from_str::<Bson>(&json.to_string()).unwrap())
}

/// A value without the types of its numbers.
fn text(value: &Bson) -> String {
    value.to_string()
}

/// The indexes besides the one on `_id`, as text.
async fn indexes(db: &Database, collection: &str) -> Vec<String> {
    let reply = db.run_command(doc! { "listIndexes": collection }).await.unwrap();
    let indexes = reply.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    let mut texts: Vec<String> = indexes
        .iter()
        .filter_map(Bson::as_document)
        .filter(|index| index.get_str("name").unwrap() != "_id_")
        .map(|index| {
            let mut options = index.clone();
            options.remove("v");
            let keys = options.remove("key").unwrap();
            format!("{keys} {}", sorted(&options))
        })
        .collect();
    texts.sort();
    texts
}

fn wanted_indexes(collection: &Collection) -> Vec<String> {
    let mut texts: Vec<String> = collection
        .indexes
        .values()
        .map(|index| {
            let keys: Document =
                index.keys.iter().map(|(path, kind)| (path.clone(), bson(kind))).collect();
            let mut options = doc! { "name": &index.name };
            options.extend(index.options.iter().map(|(name, value)| (name.clone(), bson(value))));
            format!("{} {}", Bson::Document(keys), sorted(&options))
        })
        .collect();
    texts.sort();
    texts
}
