//! `down` and `redo`: what they roll back, in which order, and what they refuse.

use mongrate::{Direction, Error, Migration, Resolution, State, StepOutcome};
use mongrate_tests::{
    TestDb, effect,
    effects::{assert_exactly_once, present, versions},
    irreversible,
};

use super::FIVE;

#[tokio::test]
async fn down_by_every_selector() {
    let fresh = TestDb::new("down_by_every_selector").await;
    let migrator = fresh.migrator(FIVE);
    let down = |expected: &'static [i64]| versions(expected.iter().copied());

    migrator.up().await.unwrap();
    assert_eq!(migrator.down().await.unwrap().versions(), down(&[5]));
    assert_eq!(migrator.down().steps(2).await.unwrap().versions(), down(&[4, 3]));
    assert_eq!(present(&fresh.db).await, [1, 2]);

    assert_eq!(migrator.up().await.unwrap().batch, Some(2));
    assert_eq!(migrator.down().batch().await.unwrap().versions(), down(&[5, 4, 3]));
    assert_eq!(migrator.down().batch().await.unwrap().versions(), down(&[2, 1]));
    assert!(migrator.down().batch().await.unwrap().is_empty());

    migrator.up().await.unwrap();
    assert_eq!(migrator.down().to(3).await.unwrap().versions(), down(&[5, 4]));
    assert!(matches!(migrator.down().to(9).await, Err(Error::UnknownVersion { .. })));
    assert_eq!(migrator.down().to(0).await.unwrap().versions(), down(&[3, 2, 1]));

    migrator.up().await.unwrap();
    assert_eq!(migrator.down().all().await.unwrap().versions(), down(&[5, 4, 3, 2, 1]));
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    migrator.up().await.unwrap();
    assert_exactly_once(&fresh.db, 1..=5).await;
    fresh.pass().await;
}

#[tokio::test]
async fn down_goes_in_reverse_order_of_application() {
    let fresh = TestDb::new("down_reverse_application").await;
    let late = effect!(1).allowed_out_of_order();
    fresh.migrator([effect!(2), effect!(3)]).up().await.unwrap();
    let migrator = fresh.migrator([late, effect!(2), effect!(3)]);
    assert_eq!(migrator.up().await.unwrap().versions(), versions([1]));
    let report = migrator.down().all().await.unwrap();
    assert_eq!(report.versions(), versions([1, 3, 2]));
    fresh.pass().await;
}

#[tokio::test]
async fn redo_rolls_back_and_applies_the_last() {
    let fresh = TestDb::new("redo").await;
    let migrator = fresh.migrator(FIVE);
    migrator.up().await.unwrap();
    let report = migrator.redo().await.unwrap();
    let shape: Vec<_> =
        report.steps.iter().map(|step| (step.version.get(), step.direction)).collect();
    assert_eq!(shape, [(5, Direction::Down), (5, Direction::Up)]);
    assert_exactly_once(&fresh.db, 1..=5).await;
    assert!(migrator.up().await.unwrap().is_empty(), "the digest is right after a redo");
    fresh.pass().await;
}

#[tokio::test]
async fn an_irreversible_one_is_refused_before_anything_runs() {
    let fresh = TestDb::new("an_irreversible_one").await;
    let migrator = fresh.migrator([effect!(1), irreversible!(2), effect!(3)]);
    migrator.up().await.unwrap();
    for error in [
        migrator.down().steps(2).await.unwrap_err(),
        migrator.down().all().await.unwrap_err(),
        migrator.down().batch().plan().await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Irreversible { .. }), "{error}");
    }
    assert_eq!(present(&fresh.db).await, [1, 2, 3]);
    assert_eq!(migrator.down().await.unwrap().versions(), versions([3]));
    fresh.pass().await;
}

#[tokio::test]
async fn a_failed_rollback_leaves_it_applied() {
    let fresh = TestDb::new("a_failed_rollback").await;
    let migrator =
        fresh
            .migrator([irreversible!(1)
                .reversible_by(|_| Box::pin(async { Err("cannot undo today".into()) }))]);
    migrator.up().await.unwrap();
    let error = migrator.down().await.unwrap_err();
    assert!(error.to_string().contains("cannot undo today"), "{error}");
    let status = migrator.status().await.unwrap();
    assert_eq!(status.migrations[0].state, State::Applied);
    assert!(migrator.up().await.unwrap().is_empty());
    assert_eq!(present(&fresh.db).await, [1]);
    fresh.pass().await;
}

#[tokio::test]
async fn down_after_a_baseline_goes_from_the_newest() {
    let fresh = TestDb::new("down_after_a_baseline").await;
    let noop = |version, name| {
        Migration::transactional(version, name, |_| Box::pin(async { Ok(()) }))
            .reversible_by(|_| Box::pin(async { Ok(()) }))
    };
    let migrator = fresh.migrator([noop(1, "a"), noop(2, "b"), noop(3, "c")]);
    migrator.baseline(3).await.unwrap();
    assert_eq!(migrator.redo().await.unwrap().versions(), versions([3, 3]));
    assert_eq!(migrator.down().await.unwrap().versions(), versions([3]));
    assert_eq!(migrator.down().all().await.unwrap().versions(), versions([2, 1]));
    fresh.pass().await;
}

#[tokio::test]
async fn down_beneath_a_half_done_online_migration_is_refused() {
    let fresh = TestDb::new("down_beneath").await;
    let half = Migration::online_steps(2, "half", |on| {
        Box::pin(async move {
            on.transaction("a", async |tx| mongrate_tests::effects::leave(tx, 2).await).await?;
            Err("not today".into())
        })
    });
    let migrator = fresh.migrator([effect!(1), half]);
    migrator.up().await.unwrap_err();
    for error in [migrator.down().await.unwrap_err(), migrator.redo().await.unwrap_err()] {
        assert!(matches!(error, Error::WrongState { .. }), "{error}");
        assert!(error.to_string().contains("half-done"), "{error}");
    }
    assert_eq!(present(&fresh.db).await, [1, 2]);
    migrator.resolve(2, Resolution::Applied).await.unwrap();
    let error = migrator.down().await.unwrap_err();
    assert!(matches!(error, Error::Irreversible { .. }), "{error}");
    fresh.pass().await;
}

#[tokio::test]
async fn nothing_is_applied_over_a_rollback_that_did_not_finish() {
    let fresh = TestDb::new("over_a_rollback").await;
    let stubborn = Migration::online_steps(1, "stubborn", |on| {
        Box::pin(async move {
            on.transaction("in", async |tx| mongrate_tests::effects::leave(tx, 1).await).await
        })
    })
    .reversible_online_by(|_| Box::pin(async { Err("cannot go down".into()) }));
    let migrator = fresh.migrator([stubborn, effect!(2)]);
    migrator.up().to(1).await.unwrap();
    migrator.down().await.unwrap_err();
    let status = migrator.status().await.unwrap();
    assert_eq!(status.migrations[0].state, State::Failed);
    assert_eq!(status.migrations[0].half_done.unwrap().direction, mongrate::Direction::Down);
    let error = migrator.up().continue_on_error(true).await.unwrap_err();
    let outcomes: Vec<_> = error.report().unwrap().steps.iter().map(|step| step.outcome).collect();
    assert_eq!(outcomes, [StepOutcome::Failed, StepOutcome::NotRun, StepOutcome::Applied]);
    assert_eq!(present(&fresh.db).await, [1, 2]);

    // A rollback that works ends it; then it is applied again.
    let mended = Migration::online_steps(1, "stubborn", |on| {
        Box::pin(async move {
            on.transaction("in", async |tx| mongrate_tests::effects::leave(tx, 1).await).await
        })
    })
    .reversible_online_by(|on| {
        Box::pin(async move {
            on.transaction("out", async |tx| mongrate_tests::effects::undo(tx, 1).await).await
        })
    });
    let migrator = fresh.migrator([mended, effect!(2)]);
    let report = migrator.up().await.unwrap();
    let shape: Vec<_> = report.steps.iter().map(|step| step.direction).collect();
    assert_eq!(shape, [Direction::Down, Direction::Up]);
    assert_eq!(present(&fresh.db).await, [1, 2]);
    assert!(migrator.up().await.unwrap().is_empty());
    fresh.pass().await;
}
