//! Control documents: whatever somebody has written into the control collection, each verb ends, with a
//! result or an error that names the document; and none panics.

use mongrate::{
    Migration, Migrator,
    bson::{Bson, Document, doc},
};
use mongrate_tests::{TestDb, effect};

use crate::{Fuzz, Outcome};

fn documents(file: &str) -> Vec<Document> {
    let place = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("stored/0.1.0").join(file);
    let text = std::fs::read_to_string(place).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn migrator(fresh: &TestDb) -> Migrator {
    let list: [Migration; 3] = [effect!(1), effect!(5), effect!(7)];
    fresh.migrator(list).keep_audit_log(true)
}

/// All that only reads; and a repair, a rollback and a run of what the documents then say.
async fn verbs(migrator: &Migrator) -> Outcome {
    let mut all = Vec::new();
    let mut note = |ended: Result<(), mongrate::Error>| {
        if let Err(error) = &ended {
            assert!(!error.to_string().is_empty() && !error.code().is_empty());
        }
        all.push(ended.is_ok());
    };
    note(migrator.status().await.map(|report| drop(serde_json::to_string(&report).unwrap())));
    note(migrator.history().await.map(|report| drop(serde_json::to_string(&report).unwrap())));
    note(migrator.plan().await.map(drop));
    note(migrator.down().all().plan().await.map(drop));
    note(migrator.tags().await.map(drop));
    note(migrator.lock_status().await.map(drop));
    note(migrator.check().allow_pending(true).await.map(drop));
    note(migrator.audit().await.map(|report| drop(serde_json::to_string(&report).unwrap())));
    note(migrator.verify_audit().await.map(drop));
    note(migrator.repair().preview().await.map(drop));
    note(migrator.purge().preview().await.map(drop));
    if all[0] { Outcome::Accepted } else { Outcome::Refused }
}

#[tokio::test(flavor = "multi_thread")]
async fn control_documents() {
    let fresh = TestDb::new("fuzz_control").await;
    let own = documents("migrations.jsonl");
    let office = documents("migrations.office.jsonl");
    let log = documents("migrations.audit_log.jsonl");
    let control = fresh.db.collection::<Document>("migrations");
    let entries = fresh.db.collection::<Document>("migrations.audit_log");
    let mut fuzz = Fuzz::new("control documents", ["{}".to_owned()]);
    // `w: 1` and a majority are the same here: the set has one node.
    while fuzz.goes_on() {
        // The record of what was sent would grow for ten minutes.
        fresh.wire.take();
        let mut all = if fuzz.mutator.one_in(3) { office.clone() } else { own.clone() };
        let mut audit = log.clone();
        if !fuzz.mutator.one_in(20) {
            let at = fuzz.mutator.index(all.len());
            fuzz.mutator.document(&mut all[at]);
            let at = fuzz.mutator.index(audit.len());
            if fuzz.mutator.one_in(3) {
                fuzz.mutator.document(&mut audit[at]);
            }
        }
        control.delete_many(doc! {}).await.unwrap();
        entries.delete_many(doc! {}).await.unwrap();
        // An `_id` may be there twice now.
        let ordered = control.insert_many(&all).ordered(false).await;
        let _ = (ordered, entries.insert_many(&audit).ordered(false).await);
        let migrator = migrator(&fresh);
        let tried = migrator.clone();
        let ended = tokio::spawn(async move { verbs(&tried).await }).await;
        let shown = Bson::from(all.iter().map(|one| Bson::from(one.clone())).collect::<Vec<_>>());
        fuzz.note(&shown.to_string(), ended.map_err(tokio::task::JoinError::into_panic));
    }
    fuzz.done();
    fresh.pass().await;
}
