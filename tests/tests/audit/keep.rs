//! On, off, and how long entries are kept.

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{TimeDelta, Utc};
use mongrate::{
    AuditBreakKind, Error,
    bson::{Document, doc},
};
use mongrate_tests::{
    TestDb,
    between::{Between, Proxy},
    host,
};

use super::{THREE, audited, chained, documents, events, exported, fence, log};

#[tokio::test]
async fn without_being_asked_there_is_no_log() {
    let fresh = TestDb::new("audit_off").await;
    let migrator = fresh.migrator(THREE);
    migrator.up().await.unwrap();
    assert!(!fence(&fresh).await.contains_key("audit"));
    let names = fresh.db.list_collection_names().await.unwrap();
    assert!(!names.contains(&"migrations.audit_log".to_owned()), "{names:?}");
    let page = migrator.audit().await.unwrap();
    assert!(!page.on && page.entries.is_empty() && page.head.is_none());
    assert_eq!(migrator.audit_head().await.unwrap(), None);
    let found = migrator.verify_audit().await.unwrap();
    assert!(found.is_whole() && found.entries == 0);
    fresh.pass().await;
}

#[tokio::test]
async fn it_is_switched_on_and_off_and_says_so() {
    let fresh = TestDb::new("audit_switch").await;
    let migrator = fresh.migrator(THREE).user("anna");
    assert!(!migrator.disable_audit().await.unwrap().changed);
    assert!(migrator.enable_audit().await.unwrap().changed);
    assert!(!migrator.enable_audit().await.unwrap().changed);
    migrator.up().steps(1).await.unwrap();
    let report = migrator.disable_audit().await.unwrap();
    assert!(report.changed && !report.on);
    migrator.up().steps(1).await.unwrap();
    assert_eq!(events(&fresh).await, ["audit_began", "applied 1", "audit_ended"]);
    assert!(migrator.verify_audit().await.unwrap().is_whole());
    migrator.enable_audit().await.unwrap();
    migrator.up().await.unwrap();
    assert_eq!(events(&fresh).await[3..], ["audit_began", "applied 3"]);
    chained(&exported(&migrator).await);
    let found = migrator.verify_audit().await.unwrap();
    assert!(found.is_whole() && found.gaps.is_empty(), "{found:?}");
    fresh.pass().await;
}

#[tokio::test]
async fn the_oldest_entries_are_pruned_and_the_rest_verifies() {
    let fresh = TestDb::new("audit_pruned").await;
    let migrator = audited(&fresh, THREE);
    migrator.up().await.unwrap();
    let kept = migrator.audit_head().await.unwrap().unwrap();
    let nothing = migrator.prune_audit(Utc::now() - TimeDelta::days(1)).await.unwrap();
    assert_eq!((nothing.entries, nothing.pruned_to), (0, None));
    // Two years pass for the first three.
    let future = Utc::now() + TimeDelta::days(1);
    let preview = migrator.prune_audit(future).preview().await.unwrap();
    assert_eq!((preview.entries, preview.pruned), (4, false));
    assert_eq!(documents(&fresh).await.len(), 4);
    let report = migrator.prune_audit(future).await.unwrap();
    assert_eq!(report.pruned_to.as_ref(), Some(&kept));
    assert_eq!(events(&fresh).await, ["audit_pruned"]);
    migrator.down().await.unwrap();
    let found = migrator.verify_audit().head(kept.clone()).await.unwrap();
    assert!(found.is_whole() && found.gaps.is_empty(), "{found:?}");
    assert_eq!((found.first, found.pruned_to), (Some(5), Some(kept)));
    // Somebody prunes a bit more, without the log.
    log(&fresh).delete_one(doc! { "_id": 5_i64 }).await.unwrap();
    let found = migrator.verify_audit().await.unwrap();
    assert_eq!(found.breaks[0].kind, AuditBreakKind::Missing, "{found:?}");
    fresh.pass().await;
}

/// Killed after its entry, and before it had removed anything.
#[tokio::test]
async fn what_a_killed_prune_left_is_named_and_pruned_later() {
    let fresh = TestDb::new("audit_half_pruned").await;
    let migrator = audited(&fresh, THREE);
    migrator.up().await.unwrap();
    let before = documents(&fresh).await;
    let future = Utc::now() + TimeDelta::days(1);
    migrator.prune_audit(future).await.unwrap();
    log(&fresh).insert_many(before[1..].to_vec()).await.unwrap();
    let found = migrator.verify_audit().await.unwrap();
    assert!(found.is_whole() && found.gaps.len() == 1, "{found:?}");
    migrator.prune_audit(future).await.unwrap();
    assert_eq!(events(&fresh).await, ["audit_pruned"]);
    assert!(migrator.verify_audit().await.unwrap().is_whole());
    migrator.disable_audit().await.unwrap();
    let error = migrator.prune_audit(future).await.unwrap_err();
    assert!(matches!(error, Error::Audit { .. }), "{error}");
    fresh.pass().await;
}

/// The log of a group is its own, and no migration declares changes of it.
#[tokio::test]
async fn each_control_collection_has_its_own_log() {
    let fresh = TestDb::new("audit_groups").await;
    let migrator = audited(&fresh, THREE).collection("history");
    migrator.up().await.unwrap();
    let names = fresh.db.list_collection_names().await.unwrap();
    assert!(names.contains(&"history.audit_log".to_owned()), "{names:?}");
    assert!(!migrator.schema().await.unwrap().contains("audit_log"));
    let touches = mongrate::Migration::declared(7, "touches", |change| {
        change.drop_collection("history.audit_log");
    });
    let error = fresh.migrator([touches]).collection("history").up().await.unwrap_err();
    assert!(error.to_string().contains("belongs to mongrate"), "{error}");
    fresh.pass().await;
}

/// Numbers far apart, which somebody put there, cost no command for each number between them.
#[tokio::test]
async fn a_forged_number_does_not_keep_a_prune_busy() {
    let fresh = TestDb::new("audit_prune_forged").await;
    let migrator = audited(&fresh, THREE);
    migrator.up().await.unwrap();
    let head = migrator.audit_head().await.unwrap().unwrap();
    let old = mongrate::bson::DateTime::from_millis(0);
    let mut entry = documents(&fresh).await.remove(0);
    entry.insert("at", old);
    for number in [-1_000_000_i64, 1_000_000] {
        entry.insert("_id", number);
        log(&fresh).insert_one(&entry).await.unwrap();
    }
    let future = Utc::now() + TimeDelta::days(1);
    let preview = migrator.prune_audit(future).preview().await.unwrap();
    assert_eq!((preview.entries, preview.pruned_to.as_ref()), (4, Some(&head)));
    fresh.wire.take();
    let report = migrator.prune_audit(future).await.unwrap();
    assert_eq!((report.entries, report.pruned_to.as_ref()), (4, Some(&head)));
    let deletes = fresh.wire.take().iter().filter(|name| *name == "delete").count();
    assert_eq!(deletes, 2, "one that tries the right, one that removes");
    // What is no entry of the log is still there, to be seen.
    let left: Vec<i64> =
        documents(&fresh).await.iter().map(|entry| entry.get_i64("_id").unwrap()).collect();
    assert_eq!(left, [-1_000_000, 5, 1_000_000]);
    for number in [i64::MIN, i64::MAX] {
        entry.insert("_id", number);
        log(&fresh).insert_one(&entry).await.unwrap();
    }
    migrator.prune_audit(future).await.unwrap();
    fresh.pass().await;
}

/// Prunes when the second page of the log is asked for.
struct PrunesBetween {
    uri: String,
    database: String,
    before: chrono::DateTime<Utc>,
    pages: AtomicUsize,
}

impl Between for PrunesBetween {
    fn command(&self, command: &Document) -> Option<Document> {
        let is_page = command.get_str("find").is_ok_and(|name| name == "migrations.audit_log")
            && command.get_i64("limit").is_ok_and(|limit| limit == 1_000);
        if is_page && self.pages.fetch_add(1, Ordering::SeqCst) == 1 {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Runtime::new().unwrap();
                    runtime.block_on(async {
                        let client =
                            mongrate::mongodb::Client::with_uri_str(&self.uri).await.unwrap();
                        let db = client.database(&self.database);
                        let migrator = mongrate::Migrator::with(&db, THREE);
                        let report = migrator.prune_audit(self.before).await.unwrap();
                        assert_eq!(report.entries, 1_201);
                    });
                });
            });
        }
        None
    }
}

/// Runs go on while the log is verified, and so does a prune: what it removes meanwhile is not missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_prune_beside_a_verification_breaks_nothing() {
    let fresh = TestDb::new("audit_prune_beside").await;
    let many = || {
        (1..=1_200_i64).map(|version| {
            let name: &'static str = Box::leak(format!("m{version}").into_boxed_str());
            mongrate::Migration::transactional(version, name, |_| Box::pin(async { Ok(()) }))
        })
    };
    audited(&fresh, many()).baseline(1_200_i64).await.unwrap();
    let before = Utc::now() + TimeDelta::milliseconds(1);
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    audited(&fresh, many()).tag("later").await.unwrap();
    let between = PrunesBetween {
        uri: fresh.uri.clone(),
        database: fresh.db.name().to_owned(),
        before,
        pages: AtomicUsize::new(0),
    };
    let proxy = Proxy::start(host(&fresh.uri), between).await;
    let uri = format!("mongodb://{}/?directConnection=true", proxy.address);
    let client = mongrate::mongodb::Client::with_uri_str(uri).await.unwrap();
    let seen = mongrate::Migrator::with(&client.database(fresh.db.name()), many());
    let found = seen.verify_audit().await.unwrap();
    assert!(found.is_whole(), "{found:?}");
    assert_eq!(found.pruned_to.as_ref().map(|head| head.number), Some(1_201));
    let gaps: Vec<i64> = found.gaps.iter().map(|gap| gap.number).collect();
    assert_eq!(gaps, [1, 1_001], "{found:?}");
    // Afterwards there is nothing to be said.
    let found = seen.verify_audit().await.unwrap();
    assert!(found.is_whole() && found.gaps.is_empty(), "{found:?}");
    // What is missing above is missing.
    log(&fresh).delete_one(doc! { "_id": 1_202_i64 }).await.unwrap();
    assert!(!seen.verify_audit().await.unwrap().is_whole());
    fresh.pass().await;
}
