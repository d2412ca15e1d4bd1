//! `up`: what it applies, where it stops, what it refuses.

use mongrate::{Error, Migration, OutOfOrder, Resolution, StepOutcome};
use mongrate_tests::{
    TestDb, effect,
    effects::{TWENTY, assert_exactly_once, present, versions},
};

use super::{FIVE, failing};

#[tokio::test]
async fn up_applies_all_in_order_and_then_nothing() {
    let fresh = TestDb::new("up_applies_all").await;
    let migrator = fresh.migrator(TWENTY.into_iter().rev());
    let report = migrator.up().await.unwrap();
    assert_eq!(report.versions(), versions(1..=20));
    assert_eq!(report.batch, Some(1));
    assert_exactly_once(&fresh.db, 1..=20).await;
    assert!(migrator.up().await.unwrap().is_empty());
    assert_exactly_once(&fresh.db, 1..=20).await;
    fresh.pass().await;
}

#[tokio::test]
async fn a_single_migration_is_applied() {
    let fresh = TestDb::new("a_single_migration").await;
    let report = fresh.migrator([effect!(1)]).up().await.unwrap();
    assert_eq!(report.versions(), versions([1]));
    assert_exactly_once(&fresh.db, 1..=1).await;
    fresh.pass().await;
}

#[tokio::test]
async fn up_stops_where_it_is_told() {
    let fresh = TestDb::new("up_stops").await;
    let migrator = fresh.migrator(FIVE);
    assert_eq!(migrator.up().to(2).await.unwrap().versions(), versions([1, 2]));
    assert_eq!(migrator.up().steps(2).await.unwrap().versions(), versions([3, 4]));
    assert_eq!(migrator.up().to(2).await.unwrap().versions(), versions([]));
    let error = migrator.up().to(7).await.unwrap_err();
    assert!(matches!(error, Error::UnknownVersion { .. }), "{error}");
    assert_eq!(migrator.up().await.unwrap().batch, Some(3));
    assert_exactly_once(&fresh.db, 1..=5).await;
    fresh.pass().await;
}

#[tokio::test]
async fn a_failure_stops_and_can_be_retried() {
    let fresh = TestDb::new("a_failure_stops").await;
    let broken = fresh.migrator([effect!(1), failing(2, "effect_2"), effect!(3)]);
    let error = broken.up().await.unwrap_err();
    let report = error.report().unwrap();
    let outcomes: Vec<_> = report.steps.iter().map(|step| step.outcome).collect();
    assert_eq!(outcomes, [StepOutcome::Applied, StepOutcome::Failed, StepOutcome::NotRun]);
    assert!(error.to_string().contains("the body says no"), "{error}");
    assert_eq!(present(&fresh.db).await, [1], "nothing of the failed one");
    assert!(!broken.lock_status().await.unwrap().held, "the lock was given back");
    let events = broken.history().await.unwrap().events;
    assert!(events.iter().any(|event| event.event == "failed" && event.failure.is_some()));

    let mended = fresh.migrator([effect!(1), effect!(2), effect!(3)]);
    assert_eq!(mended.up().await.unwrap().versions(), versions([2, 3]));
    assert_exactly_once(&fresh.db, 1..=3).await;
    fresh.pass().await;
}

#[tokio::test]
async fn continue_on_error_continues_and_still_fails() {
    let fresh = TestDb::new("continue_on_error").await;
    let broken = fresh.migrator([effect!(1), failing(2, "effect_2"), effect!(3)]);
    let error = broken.up().continue_on_error(true).await.unwrap_err();
    assert_eq!(error.report().unwrap().versions(), versions([1, 3]));
    assert_eq!(error.kind().exit_code(), 1);
    assert_eq!(present(&fresh.db).await, [1, 3]);
    let mended = fresh.migrator([effect!(1), effect!(2), effect!(3)]);
    assert_eq!(mended.up().await.unwrap().versions(), versions([2]), "it was tried in its turn");
    fresh.pass().await;
}

#[tokio::test]
async fn a_panic_in_a_body_is_a_failure() {
    let fresh = TestDb::new("a_panic").await;
    let panics = Migration::transactional(1, "panics", |_| Box::pin(async { panic!("oh no") }));
    let error = fresh.migrator([panics]).up().await.unwrap_err();
    assert!(error.to_string().contains("oh no"), "{error}");
    assert!(!fresh.migrator([panics]).lock_status().await.unwrap().held);
    fresh.pass().await;
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let fresh = TestDb::new("a_dry_run").await;
    let migrator = fresh.migrator(FIVE);
    fresh.wire.take();
    let plan = migrator.plan().await.unwrap();
    assert_eq!(plan.steps.len(), 5);
    let names = fresh.wire.take();
    assert!(names.iter().all(|name| name == "find"), "{names:?}");

    migrator.up().to(3).await.unwrap();
    fresh.wire.take();
    let down = migrator.down().all().plan().await.unwrap();
    let planned: Vec<i64> = down.steps.iter().map(|step| step.version.get()).collect();
    assert_eq!(planned, [3, 2, 1]);
    migrator.up().to(4).plan().await.unwrap();
    migrator.redo().plan().await.unwrap();
    migrator.repair().preview().await.unwrap();
    migrator.status().await.unwrap();
    migrator.history().await.unwrap();
    migrator.check().await.unwrap_err();
    let names = fresh.wire.take();
    assert!(names.iter().all(|name| name == "find"), "{names:?}");
    assert_eq!(present(&fresh.db).await, [1, 2, 3]);
    fresh.pass().await;
}

#[tokio::test]
async fn a_late_merged_older_one_is_refused_never_skipped() {
    let fresh = TestDb::new("a_late_merged").await;
    fresh.migrator([effect!(1), effect!(3)]).up().await.unwrap();
    let migrator = fresh.migrator([effect!(1), effect!(2), effect!(3), effect!(4)]);
    for error in [migrator.up().await.unwrap_err(), migrator.check().await.unwrap_err()] {
        assert!(
            matches!(&error, Error::OutOfOrder { versions, .. } if versions.len() == 1),
            "{error}"
        );
        assert_eq!(error.kind().exit_code(), 65);
    }
    assert_eq!(present(&fresh.db).await, [1, 3]);
    let allowed = migrator.clone().out_of_order(OutOfOrder::Allow);
    assert_eq!(allowed.up().await.unwrap().versions(), versions([2, 4]));
    assert!(migrator.up().await.unwrap().is_empty());
    fresh.pass().await;
}

#[tokio::test]
async fn one_that_is_resolved_as_pending_is_applied_in_its_turn() {
    let fresh = TestDb::new("resolved_as_pending").await;
    let broken = fresh.migrator([effect!(1), failing(2, "effect_2"), effect!(3)]);
    broken.up().continue_on_error(true).await.unwrap_err();
    broken.resolve(2, Resolution::Pending).await.unwrap();
    let mended = fresh.migrator([effect!(1), effect!(2), effect!(3)]);
    assert_eq!(mended.up().await.unwrap().versions(), versions([2]));
    fresh.pass().await;
}
