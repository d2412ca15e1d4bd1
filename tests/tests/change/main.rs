//! Declared changes: each operation goes up, comes down and goes up again, and a rollback restores
//! what was there. What stands in the way of that: migrations that failed half-way, rollbacks that
//! failed, documents that a rewrite would damage, options that the server stores in another form,
//! and a client that keeps strictly to the Stable API.

mod alone;
mod collections;
mod fields;
mod forms;
mod half_way;
mod indexes;
mod laws;
mod newer;
mod options;
mod ordinary;
mod records;
mod search;
mod sharding;
mod stable_api;
mod twice;
mod validators;
mod values;

use mongrate::{
    Change, Migration, MigrationStatus, Migrator, Resolution,
    bson::{Bson, Document, doc, oid::ObjectId},
    mongodb::Database,
};
use mongrate_tests::{TestDb, snapshot::snapshot};

/// A declaration, and words of its refusal.
type Case = (fn(&mut Change), &'static str);

const fn migration(declare: fn(&mut Change)) -> Migration {
    Migration::declared(1, "one", declare)
}

async fn insert(db: &Database, collection: &str, documents: impl IntoIterator<Item = Document>) {
    db.collection(collection).insert_many(documents).await.unwrap();
}

async fn find(db: &Database, collection: &str, id: impl Into<Bson>) -> Document {
    let found = db.collection::<Document>(collection).find_one(doc! { "_id": id.into() }).await;
    found.unwrap().unwrap_or_default()
}

async fn kept(db: &Database) -> Vec<String> {
    let mut names = db.list_collection_names().await.unwrap();
    names.retain(|name| name.starts_with("migrations.kept."));
    names.sort();
    names
}

/// Up, down, up, down: the same before and after, each time; something happens in between.
async fn there_and_back(fresh: &TestDb, declare: fn(&mut Change)) {
    let migrator = fresh.migrator([migration(declare)]);
    let before = snapshot(&fresh.db).await;
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    let after = snapshot(&fresh.db).await;
    assert_ne!(before, after, "it does something");
    for _ in 0..2 {
        migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(snapshot(&fresh.db).await, before, "the rollback restores what was there");
        assert_eq!(kept(&fresh.db).await, Vec::<String>::new(), "nothing is left over");
        migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(snapshot(&fresh.db).await, after, "and again");
    }
    migrator.redo().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(snapshot(&fresh.db).await, after, "and at once");
}

/// That `up` fails with these words, before anything is changed.
async fn refused(fresh: &TestDb, declare: fn(&mut Change), words: &[&str]) {
    let before = (snapshot(&fresh.db).await, kept(&fresh.db).await);
    let two = fresh.migrator([Migration::declared(2, "two", declare)]);
    let error = two.up().await.unwrap_err();
    for words in words {
        assert!(error.to_string().contains(words), "`{words}` is not in: {error}");
    }
    let after = (snapshot(&fresh.db).await, kept(&fresh.db).await);
    assert_eq!(after, before, "nothing was changed");
    two.resolve(2, Resolution::Pending).await.unwrap();
}

async fn count(db: &Database, collection: &str, filter: Document) -> u64 {
    db.collection::<Document>(collection).count_documents(filter).await.unwrap()
}

async fn index(db: &Database, collection: &str, index: Document) {
    let command = doc! { "createIndexes": collection, "indexes": [index] };
    db.run_command(command).await.unwrap();
}

async fn status(migrator: &Migrator, version: i64) -> MigrationStatus {
    let status = migrator.status().await.unwrap();
    let mut all = status.migrations.into_iter();
    all.find(|migration| migration.version.get() == version).unwrap()
}

/// Checks that a text holds these words.
fn says(text: impl std::fmt::Display, words: &[&str]) {
    let text = text.to_string();
    for words in words {
        assert!(text.contains(words), "`{words}` is not in: {text}");
    }
}

async fn fresh(test: &str) -> TestDb {
    TestDb::new(test).await
}

/// Documents of all shapes that the paths of the tests meet.
fn shapes() -> Vec<Document> {
    let date = mongrate::bson::DateTime::from_millis(1_700_000_000_123);
    vec![
        doc! { "_id": 1, "before": 0, "name": "anna", "after": 0 },
        doc! { "_id": 2, "address": { "zip": "1", "city": "Ghent", "street": "x" } },
        doc! { "_id": 3, "address": { "city": null } },
        doc! { "_id": 4, "address": {} },
        doc! { "_id": 5, "address": null },
        doc! { "_id": 6, "address": "Ghent" },
        doc! { "_id": 7, "address": [{ "city": "a" }, { "city": "b", "zip": 1 }, 5, null, {}] },
        doc! { "_id": 8, "items": [{ "price": "1" }, { "price": "02" }, { "cost": "3" }] },
        doc! { "_id": 9, "items": { "price": "007" } },
        doc! { "_id": 10, "items": [] },
        doc! { "_id": 11, "items": [[{ "price": "5" }]] },
        doc! { "_id": "twelve", "city": "Bruges", "name": { "first": "b", "last": "c" } },
        doc! { "_id": 13_i64, "title": "already", "n": 1.5, "m": date },
        doc! { "_id": 14.5, "n": -0.0, "m": f64::NAN },
        doc! { "_id": ObjectId::from_bytes([7; 12]), "n": 3, "m": 4_i64 },
        doc! { "_id": { "a": 1, "b": 2 }, "n": "12", "m": true },
        doc! { "_id": true, "a.b": 1, "name": "dots" },
    ]
}

async fn with_shapes(test: &str) -> TestDb {
    let fresh = TestDb::new(test).await;
    insert(&fresh.db, "users", shapes()).await;
    fresh
}
