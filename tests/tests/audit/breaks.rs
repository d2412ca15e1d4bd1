//! What somebody does to the log who may write into the database, and what shows.

use futures_util::TryStreamExt as _;
use mongrate::{
    AuditBreakKind as Kind, AuditVerification, Error,
    bson::{Document, doc},
};
use mongrate_tests::TestDb;

use super::{THREE, audited, chained, documents, events, exported, fence, log};

/// A log with four entries.
async fn four(test: &str) -> (TestDb, mongrate::Migrator) {
    let fresh = TestDb::new(test).await;
    let migrator = audited(&fresh, THREE);
    migrator.up().await.unwrap();
    (fresh, migrator)
}

fn breaks(found: &AuditVerification) -> Vec<(i64, Kind)> {
    found.breaks.iter().map(|broken| (broken.number, broken.kind)).collect()
}

/// Does this to a log of four entries, and returns where it is broken.
async fn after(test: &str, harm: impl AsyncFn(&TestDb)) -> Vec<(i64, Kind)> {
    let (fresh, migrator) = four(test).await;
    assert!(migrator.verify_audit().await.unwrap().is_whole());
    harm(&fresh).await;
    let found = migrator.verify_audit().await.unwrap();
    fresh.pass().await;
    assert!(found.gaps.is_empty(), "{found:?}");
    breaks(&found)
}

async fn set(fresh: &TestDb, number: i64, set: Document) {
    let update = doc! { "$set": set };
    log(fresh).update_one(doc! { "_id": number }, update).await.unwrap();
}

async fn delete(fresh: &TestDb, numbers: &[i64]) {
    log(fresh).delete_many(doc! { "_id": { "$in": numbers } }).await.unwrap();
}

#[tokio::test]
async fn whatever_is_done_to_an_entry_shows() {
    // Changed: what it says, its time, its number's type; one field more, one less.
    let changed = after("audit_changed", async |fresh| {
        set(fresh, 2, doc! { "user": "bob" }).await;
    });
    assert_eq!(changed.await, [(2, Kind::Changed)]);
    let time = after("audit_time", async |fresh| {
        set(fresh, 3, doc! { "at": mongrate::bson::DateTime::from_millis(0) }).await;
    });
    assert_eq!(time.await, [(3, Kind::Changed)]);
    let more = after("audit_more", async |fresh| set(fresh, 1, doc! { "x": 1 }).await);
    assert_eq!(more.await, [(1, Kind::Changed)]);
    // The newest one, which no other entry follows: the fence has its hash.
    let newest = after("audit_newest", async |fresh| {
        set(fresh, 4, doc! { "user": "bob" }).await;
    });
    assert_eq!(newest.await, [(4, Kind::Changed)]);
    // What no entry can hold.
    let odd = after("audit_odd", async |fresh| set(fresh, 2, doc! { "user": 1.5 }).await);
    assert_eq!(odd.await, [(2, Kind::Inserted), (2, Kind::Missing)]);
}

#[tokio::test]
async fn entries_that_are_gone_or_new_show() {
    let middle = after("audit_middle", async |fresh| delete(fresh, &[2, 3]).await);
    assert_eq!(middle.await, [(2, Kind::Missing)]);
    let first = after("audit_first", async |fresh| delete(fresh, &[1]).await);
    assert_eq!(first.await, [(1, Kind::Missing)]);
    let tail = after("audit_tail", async |fresh| delete(fresh, &[3, 4]).await);
    assert_eq!(tail.await, [(3, Kind::Trimmed)]);
    let all = after("audit_all", async |fresh| log(fresh).drop().await.unwrap());
    assert_eq!(all.await, [(1, Kind::Trimmed)]);
    let stray = after("audit_stray", async |fresh| {
        log(fresh).insert_one(doc! { "_id": "x" }).await.unwrap();
    });
    assert_eq!(stray.await, [(0, Kind::Inserted)]);
    // Exchanged: both say something else than they did.
    let exchanged = after("audit_exchanged", async |fresh| {
        let all = documents(fresh).await;
        for (number, other) in [(2_i64, &all[2]), (3, &all[1])] {
            let mut other = other.clone();
            other.insert("_id", number);
            log(fresh).replace_one(doc! { "_id": number }, other).await.unwrap();
        }
    });
    assert_eq!(exchanged.await, [(1, Kind::Changed), (2, Kind::Changed), (3, Kind::Changed)]);
}

/// Somebody who can compute hashes writes a whole chain, and the fence: only what was kept elsewhere shows
/// it.
#[tokio::test]
async fn a_forged_chain_shows_by_the_head_that_was_kept() {
    let (fresh, migrator) = four("audit_forged").await;
    let kept = migrator.audit_head().await.unwrap().unwrap();
    // The same history with another name in it: made anew from nothing.
    log(&fresh).drop().await.unwrap();
    fresh.db.collection::<Document>("migrations").drop().await.unwrap();
    fresh.db.collection::<Document>("effects").drop().await.unwrap();
    let forger = audited(&fresh, THREE).user("bob");
    forger.up().await.unwrap();
    assert!(migrator.verify_audit().await.unwrap().is_whole());
    let found = migrator.verify_audit().head(kept.clone()).await.unwrap();
    assert_eq!(breaks(&found), [(4, Kind::Changed)]);
    // The kept head is newer than everything that is left.
    delete(&fresh, &[3, 4]).await;
    let before = documents(&fresh).await;
    let line = serde_json::to_string(&before[1].get_str("previous").unwrap()).unwrap();
    assert_eq!(line.len(), 66);
    let found = migrator.verify_audit().head(kept).await.unwrap();
    assert_eq!(breaks(&found), [(3, Kind::Trimmed), (3, Kind::Trimmed)]);
    fresh.pass().await;
}

/// A build that does not know the log raises the count of guarded transactions, and leaves the rest.
#[tokio::test]
async fn what_an_older_build_does_is_a_gap_with_its_size() {
    let (fresh, migrator) = four("audit_older").await;
    let control = fresh.db.collection::<Document>("migrations");
    // Two guarded transactions of an older build: it rolled migration 3 back, and applied it again.
    let digest = fence(&fresh).await.get_document("applied").unwrap().clone();
    let guarded = doc! { "$inc": { "guards": 2_i64 }, "$set": { "applied": digest } };
    control.update_one(doc! { "_id": "fence" }, guarded).await.unwrap();
    let found = migrator.verify_audit().await.unwrap();
    assert!(found.is_whole(), "{found:?}");
    assert_eq!((found.gaps.len(), found.gaps[0].number), (1, 5));
    assert!(found.gaps[0].text.contains("2 guarded transactions"), "{found:?}");
    // The next entry says it for good.
    migrator.down().await.unwrap();
    migrator.up().await.unwrap();
    let found = migrator.verify_audit().await.unwrap();
    assert!(found.is_whole() && found.gaps.len() == 1, "{found:?}");
    let page = migrator.audit().await.unwrap();
    let missed: Vec<i64> = page.entries.iter().map(|entry| entry.missed).collect();
    assert_eq!(missed, [0, 0, 0, 0, 2, 0]);
    fresh.pass().await;
}

/// What is applied is changed behind the log's back.
#[tokio::test]
async fn a_record_that_somebody_adds_shows() {
    let (fresh, migrator) = four("audit_behind").await;
    let control = fresh.db.collection::<Document>("migrations");
    control.delete_one(doc! { "_id": 3_i64 }).await.unwrap();
    migrator.up().await.unwrap();
    migrator.repair().await.unwrap();
    let found = migrator.verify_audit().await.unwrap();
    assert!(found.breaks.iter().any(|broken| broken.kind == Kind::State), "{found:?}");
    fresh.pass().await;
}

/// An entry in the way ends a run before its body, and says how to go on.
#[tokio::test]
async fn a_log_that_does_not_fit_the_fence_stops_a_run_until_it_is_attached() {
    let (fresh, migrator) = four("audit_in_the_way").await;
    let mut fifth = documents(&fresh).await.remove(3);
    fifth.insert("_id", 5_i64);
    log(&fresh).insert_one(fifth).await.unwrap();
    let found = migrator.verify_audit().await.unwrap();
    assert!(breaks(&found).contains(&(5, Kind::Inserted)), "{found:?}");
    let error = migrator.down().await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("`audit --enable`") && text.contains("after number 4"), "{text}");
    assert!(matches!(error.kind(), mongrate::Kind::NeedsOperator), "{error:?}");
    assert_eq!(migrator.status().await.unwrap().applied, 3);
    let report = migrator.enable_audit().await.unwrap();
    assert!(report.changed && report.on);
    migrator.down().await.unwrap();
    assert_eq!(events(&fresh).await[5..], ["audit_reattached", "reverted 3"]);
    // The entry that was put there does not follow the fourth, and that stays to be seen.
    let found = migrator.verify_audit().await.unwrap();
    assert_eq!(breaks(&found), [(4, Kind::Changed)]);
    assert_eq!(found.gaps.len(), 1, "{found:?}");
    assert!(!migrator.enable_audit().await.unwrap().changed);
    fresh.pass().await;
}

#[tokio::test]
async fn a_collection_that_is_no_log_is_refused_before_anything_is_written() {
    let fresh = TestDb::new("audit_foreign").await;
    log(&fresh).insert_one(doc! { "_id": "orders", "total": 3 }).await.unwrap();
    let migrator = audited(&fresh, THREE);
    for error in [migrator.up().await.unwrap_err(), migrator.enable_audit().await.unwrap_err()] {
        assert!(matches!(error, Error::Corrupt { collection: Some(_), .. }), "{error}");
        assert!(error.to_string().contains("migrations.audit_log"), "{error}");
    }
    assert_eq!(log(&fresh).count_documents(doc! {}).await.unwrap(), 1);
    assert_eq!(migrator.status().await.unwrap().applied, 0);
    fresh.pass().await;
}

/// Adds an entry that follows the newest one, as somebody does who may only insert. Returns its number.
async fn forge(fresh: &TestDb, migrator: &mongrate::Migrator, event: &str) -> i64 {
    let zeros = doc! { "count": 0_i64, "digest": "0".repeat(64) };
    let first = doc! {
        "_id": 0_i64, "at": mongrate::bson::DateTime::now(), "event": "",
        "by": { "host": "ops-1", "pid": 7_i64, "app": "" }, "fence": 1_i64, "guard": 1_i64,
        "before": zeros.clone(), "after": zeros, "previous": "",
    };
    let previous = chained(&exported(migrator).await);
    let mut entry = documents(fresh).await.pop().unwrap_or(first);
    let number = entry.get_i64("_id").unwrap() + 1;
    entry.extend(doc! { "_id": number, "event": event, "previous": previous });
    log(fresh).insert_one(entry).await.unwrap();
    number
}

fn gaps(found: &AuditVerification) -> Vec<i64> {
    found.gaps.iter().map(|gap| gap.number).collect()
}

/// While the log is off, nobody but an operator sees what is put into it. So it says what it goes on after.
#[tokio::test]
async fn what_was_put_into_a_log_that_is_off_is_named_when_it_goes_on() {
    for by_a_run in [false, true] {
        let (fresh, migrator) = four("audit_adopted").await;
        migrator.disable_audit().await.unwrap();
        // The last one says what a log that was ended says: nothing looks out of place.
        for event in ["audit_began", "reverted", "applied", "audit_ended"] {
            forge(&fresh, &migrator, event).await;
        }
        let found = migrator.verify_audit().await.unwrap();
        assert_eq!(breaks(&found), [(6, Kind::Inserted)]);
        match by_a_run {
            true => drop(migrator.down().await.unwrap()),
            false => drop(migrator.enable_audit().await.unwrap()),
        }
        let all = documents(&fresh).await;
        assert_eq!(all[9].get_str("event").unwrap(), "audit_reattached");
        let note = all[9].get_str("note").unwrap();
        assert!(note.starts_with("the newest entry by the fence was 5:"), "{note}");
        let found = migrator.verify_audit().await.unwrap();
        assert_eq!((breaks(&found), gaps(&found)), (Vec::new(), vec![10]), "{found:?}");
        assert!(found.gaps[0].text.contains("was 5:"), "{found:?}");
        assert!(!migrator.enable_audit().await.unwrap().changed);
        fresh.pass().await;
    }
}

#[tokio::test]
async fn what_was_there_before_the_log_began_is_named_when_it_begins() {
    for by_a_run in [false, true] {
        let fresh = TestDb::new("audit_before_it").await;
        let migrator = audited(&fresh, THREE);
        for event in ["audit_began", "applied", "audit_ended"] {
            forge(&fresh, &migrator, event).await;
        }
        match by_a_run {
            true => drop(migrator.up().steps(1).await.unwrap()),
            false => drop(migrator.enable_audit().await.unwrap()),
        }
        let all = documents(&fresh).await;
        assert_eq!(all[3].get_str("event").unwrap(), "audit_reattached");
        assert_eq!(all[3].get_str("note").unwrap(), "the fence knew no entry");
        let found = migrator.verify_audit().await.unwrap();
        assert_eq!((breaks(&found), gaps(&found)), (Vec::new(), vec![4]), "{found:?}");
        fresh.pass().await;
    }
}

/// The control collection is restored from a backup that is older than the log.
#[tokio::test]
async fn a_control_collection_from_before_the_log_is_a_gap() {
    let fresh = TestDb::new("audit_restored").await;
    fresh.migrator(THREE).up().steps(1).await.unwrap();
    let control = fresh.db.collection::<Document>("migrations");
    let backup: Vec<Document> = control.find(doc! {}).await.unwrap().try_collect().await.unwrap();
    let migrator = audited(&fresh, THREE);
    migrator.up().await.unwrap();
    control.delete_many(doc! {}).await.unwrap();
    control.insert_many(backup).await.unwrap();
    migrator.down().await.unwrap();
    assert_eq!(events(&fresh).await[3..], ["audit_reattached", "reverted 1"]);
    let found = migrator.verify_audit().await.unwrap();
    assert_eq!((breaks(&found), gaps(&found)), (Vec::new(), vec![4]), "{found:?}");
    fresh.pass().await;
}

/// Logs of builds that adopted such entries without a word.
#[tokio::test]
async fn a_log_that_begins_twice_or_goes_on_after_its_end_has_a_gap() {
    let (fresh, migrator) = four("audit_twice").await;
    let adopt = async || {
        let number = documents(&fresh).await.last().unwrap().get_i64("_id").unwrap();
        let hash = chained(&exported(&migrator).await);
        let head = doc! { "$set": { "audit.number": number, "audit.hash": hash } };
        let control = fresh.db.collection::<Document>("migrations");
        control.update_one(doc! { "_id": "fence" }, head).await.unwrap();
    };
    forge(&fresh, &migrator, "audit_began").await;
    adopt().await;
    let found = migrator.verify_audit().await.unwrap();
    assert_eq!((found.is_whole(), gaps(&found)), (true, vec![5]), "{found:?}");
    forge(&fresh, &migrator, "audit_ended").await;
    forge(&fresh, &migrator, "tagged").await;
    adopt().await;
    let found = migrator.verify_audit().await.unwrap();
    assert_eq!((found.is_whole(), gaps(&found)), (true, vec![5, 7]), "{found:?}");
    fresh.pass().await;
}

/// Numbers that no log has: nothing counts on from them.
#[tokio::test]
async fn a_number_at_the_edge_of_numbers_is_no_entry() {
    let (fresh, migrator) = four("audit_edge").await;
    let mut entry = documents(&fresh).await.pop().unwrap();
    for number in [i64::MAX, i64::MAX - 1, i64::MIN, 0] {
        entry.insert("_id", number);
        log(&fresh).insert_one(&entry).await.unwrap();
    }
    let found = migrator.verify_audit().await.unwrap();
    let strays = [i64::MIN, 0, i64::MAX - 1, i64::MAX].map(|number| (number, Kind::Inserted));
    assert_eq!(breaks(&found), strays);
    assert!(!migrator.enable_audit().await.unwrap().changed);
    migrator.disable_audit().await.unwrap();
    assert!(migrator.enable_audit().await.unwrap().changed);
    migrator.down().await.unwrap();
    assert_eq!(breaks(&migrator.verify_audit().await.unwrap()), strays);
    // An entry says that all numbers were pruned.
    let pruned = doc! { "prunedTo": { "number": i64::MAX, "hash": "0" }, "missed": i64::MIN };
    set(&fresh, 2, pruned).await;
    let found = migrator.verify_audit().await.unwrap();
    assert!(breaks(&found).contains(&(2, Kind::Changed)), "{found:?}");
    assert!(found.pruned_to.is_none(), "{found:?}");
    // What the fence says of the log, too.
    let control = fresh.db.collection::<Document>("migrations");
    for edge in [i64::MAX, i64::MIN] {
        let set = doc! {
            "audit.number": edge, "audit.guards": edge, "audit.asked": edge, "guards": edge,
        };
        control.update_one(doc! { "_id": "fence" }, doc! { "$set": set }).await.unwrap();
        assert!(!migrator.verify_audit().await.unwrap().is_whole());
        migrator.up().await.unwrap_err();
        migrator.status().await.unwrap();
    }
    fresh.pass().await;
}

/// What is no entry stands in the way of nothing: `verify` names it.
#[tokio::test]
async fn a_stray_document_does_not_keep_a_log_from_being_attached() {
    let (fresh, migrator) = four("audit_stray_id").await;
    let id = mongrate::bson::oid::ObjectId::new();
    log(&fresh).insert_one(doc! { "_id": id, "x": 1 }).await.unwrap();
    assert!(!migrator.enable_audit().await.unwrap().changed);
    migrator.disable_audit().await.unwrap();
    assert!(migrator.enable_audit().await.unwrap().changed);
    migrator.down().await.unwrap();
    let found = migrator.verify_audit().await.unwrap();
    assert_eq!((breaks(&found), gaps(&found)), (vec![(0, Kind::Inserted)], Vec::new()));
    fresh.pass().await;
}
