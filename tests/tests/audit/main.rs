//! The audit log, on a real server: what is in it, how it is read, and that nobody changes it unseen.

mod breaks;
mod costs;
mod events;
mod guide;
mod keep;
mod signed;

use futures_util::TryStreamExt as _;
use mongrate::{
    Migration, Migrator,
    bson::{Document, doc},
    mongodb::Collection,
};
use mongrate_tests::{TestDb, effect};
use sha2::{Digest as _, Sha256};

/// Three migrations with an effect each.
const THREE: [Migration; 3] = [effect!(1), effect!(2), effect!(3)];

/// A migration whose body fails.
const FAILS: Migration =
    Migration::transactional(9, "fails", |_| Box::pin(async { Err("the body says no".into()) }));

/// A migrator with an audit log.
fn audited(fresh: &TestDb, list: impl IntoIterator<Item = Migration>) -> Migrator {
    fresh.migrator(list).keep_audit_log(true).app("tests 1.0").user("anna")
}

fn log(fresh: &TestDb) -> Collection<Document> {
    fresh.db.collection("migrations.audit_log")
}

/// The documents of the log, in their order.
async fn documents(fresh: &TestDb) -> Vec<Document> {
    log(fresh).find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap().try_collect().await.unwrap()
}

/// The events of the log, each with its version.
async fn events(fresh: &TestDb) -> Vec<String> {
    let line = |entry: &Document| {
        let event = entry.get_str("event").unwrap();
        match entry.get_i64("version") {
            Ok(version) => format!("{event} {version}"),
            Err(_) => event.to_owned(),
        }
    };
    documents(fresh).await.iter().map(line).collect()
}

/// The document `fence`.
async fn fence(fresh: &TestDb) -> Document {
    let control = fresh.db.collection::<Document>("migrations");
    control.find_one(doc! { "_id": "fence" }).await.unwrap().unwrap()
}

/// Checks an exported log as another tool would: by its lines alone. Returns the last line's hash.
fn chained(lines: &[String]) -> String {
    let mut previous = "0".repeat(64);
    for line in lines {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(entry["previous"], *previous, "{line}");
        previous =
            Sha256::digest(line.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    }
    previous
}

async fn exported(migrator: &Migrator) -> Vec<String> {
    let mut lines = Vec::new();
    let count = migrator.export_audit(|line| {
        lines.push(line.to_owned());
        Ok(())
    });
    assert_eq!(count.await.unwrap(), lines.len() as u64);
    lines
}
