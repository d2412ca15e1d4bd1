//! Ways back and forward again: validators that a migration changes itself, migrations that failed
//! half-way, rollbacks that failed, documents that a rewrite would damage, and a client that keeps
//! strictly to the Stable API.

#[path = "undo/half_way.rs"]
mod half_way;
#[path = "undo/stable_api.rs"]
mod stable_api;
#[path = "undo/twice.rs"]
mod twice;
#[path = "undo/validators.rs"]
mod validators;

use mongrate::{
    Change, Migration, MigrationStatus, Migrator,
    bson::{Bson, Document, doc},
    mongodb::Database,
};
use mongrate_tests::Fresh;

const fn one(declare: fn(&mut Change)) -> Migration {
    Migration::declared(1, "one", declare)
}

async fn insert(db: &Database, collection: &str, documents: impl IntoIterator<Item = Document>) {
    db.collection(collection).insert_many(documents).await.unwrap();
}

async fn find(db: &Database, collection: &str, id: impl Into<Bson>) -> Document {
    let found = db.collection::<Document>(collection).find_one(doc! { "_id": id.into() }).await;
    found.unwrap().unwrap_or_default()
}

async fn count(db: &Database, collection: &str, filter: Document) -> u64 {
    db.collection::<Document>(collection).count_documents(filter).await.unwrap()
}

async fn index(db: &Database, collection: &str, index: Document) {
    let command = doc! { "createIndexes": collection, "indexes": [index] };
    db.run_command(command).await.unwrap();
}

async fn kept(db: &Database) -> Vec<String> {
    let mut names = db.list_collection_names().await.unwrap();
    names.retain(|name| name.starts_with("migrations.kept."));
    names.sort();
    names
}

async fn status(migrator: &Migrator, version: i64) -> MigrationStatus {
    let status = migrator.status().await.unwrap();
    let mut all = status.migrations.into_iter();
    all.find(|one| one.version.get() == version).unwrap()
}

/// Checks that a text holds these words.
fn says(text: impl std::fmt::Display, words: &[&str]) {
    let text = text.to_string();
    for words in words {
        assert!(text.contains(words), "`{words}` is not in: {text}");
    }
}

async fn fresh(test: &str) -> Fresh {
    Fresh::new(test).await
}
