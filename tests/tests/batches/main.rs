//! What one batch of a backfill or of a declared change may hold, and what is said of the document
//! that stops it.

mod causes;
mod indexes;
mod limits;
mod memory;

use mongrate::{
    Error, Migration,
    bson::{Bson, Document, doc},
};
use mongrate_tests::TestDb;
use tokio::sync::Mutex;

/// There is one `failCommand` per server.
static TURN: Mutex<()> = Mutex::const_new(());

/// No value that begins with this may be in a message.
const SECRET: &str = "secret-";

async fn insert(fresh: &TestDb, documents: impl IntoIterator<Item = Document>) {
    fresh.db.collection("things").insert_many(documents).await.unwrap();
}

/// `up` fails, with all of these words and without a value of a document.
async fn fails(fresh: &TestDb, migration: Migration, words: &[&str]) -> Error {
    let error = fresh.migrator([migration]).up().await.unwrap_err();
    told(&error, words);
    error
}

fn told(error: &Error, words: &[&str]) {
    let text = error.to_string();
    println!("{}", text.lines().next().unwrap_or_default());
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
    assert!(!text.contains(SECRET), "a document's value is in: {text}");
}

async fn kept(fresh: &TestDb) -> Vec<String> {
    let mut names = fresh.db.list_collection_names().await.unwrap();
    names.retain(|name| name.starts_with("migrations.kept."));
    names
}

async fn count(fresh: &TestDb, filter: Document) -> u64 {
    fresh.db.collection::<Document>("things").count_documents(filter).await.unwrap()
}

/// The batches that were tried, in their order: the checkpoint, its number, how many documents
/// the batch adds.
fn tried(fresh: &TestDb) -> Vec<(i64, i64)> {
    let mut done = 0;
    let mut last: Option<(i64, i64)> = None;
    let mut tried = Vec::new();
    for (name, command) in fresh.wire.take_full() {
        if name != "update" || command.get_str("update").is_ok_and(|name| name != "migrations") {
            continue;
        }
        let Ok(statements) = command.get_array("updates") else { continue };
        let Some(statement) = statements.first().and_then(Bson::as_document) else { continue };
        let Ok(filter) = statement.get_document("q") else { continue };
        let is_batch = filter.get_str("_id").is_ok_and(|id| id.starts_with("backfill:"));
        let (true, Ok(number)) = (is_batch, filter.get_i64("batches")) else { continue };
        let set = statement.get_array("u").unwrap()[0].as_document().unwrap();
        let documents = set.get_document("$set").unwrap().get_i64("documents").unwrap();
        if let Some((before, added)) = last
            && number > before
        {
            done += added;
        }
        if number == 0 {
            done = 0;
        }
        last = Some((number, documents - done));
        tried.push((number, documents - done));
    }
    tried
}

/// Not idempotent: what is done twice shows.
fn count_up() -> Vec<Document> {
    vec![doc! { "$set": { "n": { "$add": [{ "$ifNull": ["$n", 0] }, 1] } } }]
}
