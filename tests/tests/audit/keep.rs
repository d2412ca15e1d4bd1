//! On, off, and how long entries are kept.

use chrono::{TimeDelta, Utc};
use mongrate::{AuditBreakKind, Error, bson::doc};
use mongrate_tests::TestDb;

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
