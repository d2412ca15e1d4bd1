//! Labels: what is not selected is recorded as skipped, and may apply later.

use mongrate::{Error, Migration, Migrator, State, Version};
use mongrate_tests::{
    TestDb, effect,
    effects::{present, versions},
};

/// 2 is for `demo`, 4 for all but `prod`.
fn list() -> [Migration; 5] {
    [
        effect!(1),
        effect!(2).labelled(&["demo", "eu"]),
        effect!(3),
        effect!(4).labelled(&["!prod"]),
        effect!(5),
    ]
}

async fn states(migrator: &Migrator) -> Vec<(i64, State)> {
    let status = migrator.status().await.unwrap();
    let counted = [status.applied, status.pending, status.failed, status.skipped];
    assert_eq!(counted.iter().sum::<usize>(), status.migrations.len(), "{status:#?}");
    status.migrations.iter().map(|one| (one.version.get(), one.state)).collect()
}

#[tokio::test]
async fn what_is_not_selected_is_recorded_and_costs_nothing_at_a_start() {
    use State::{Applied, Skipped};
    let fresh = TestDb::new("labels_skipped").await;
    let migrator = fresh.migrator(list()).labels(["prod"]);
    let plan = migrator.plan().await.unwrap();
    let labels: Vec<&str> = plan.skipped.iter().map(|one| one.labels[0].as_str()).collect();
    assert_eq!(labels, ["demo", "!prod"]);
    assert_eq!(plan.selected, ["prod"]);
    assert_eq!(migrator.status().await.unwrap().selected, ["prod"]);
    let report = migrator.up().await.unwrap();
    assert_eq!(report.versions(), versions([1, 3, 5]));
    let skipped: Vec<i64> = report.skipped.iter().map(|one| one.version.get()).collect();
    assert_eq!(skipped, [2, 4]);
    assert_eq!(present(&fresh.db).await, [1, 3, 5]);
    let expected = [(1, Applied), (2, Skipped), (3, Applied), (4, Skipped), (5, Applied)];
    assert_eq!(states(&migrator).await, expected);
    fresh.wire.take();
    assert!(migrator.up().await.unwrap().is_empty());
    assert_eq!(fresh.wire.take(), ["find"]);

    let history = migrator.history().await.unwrap();
    let skipped: Vec<_> = history.events.iter().filter(|event| event.event == "skipped").collect();
    assert_eq!(skipped.len(), 2);
    assert_eq!(skipped[0].note.as_deref(), Some("the selected labels are: prod"));
    assert_eq!(migrator.check().await.unwrap().pending.len(), 0);
    // Nothing of them is there to be rolled back.
    migrator.down().all().await.unwrap();
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    fresh.pass().await;
}

#[tokio::test]
async fn what_was_skipped_applies_once_it_is_selected() {
    let fresh = TestDb::new("labels_later").await;
    fresh.migrator(list()).labels(["prod"]).up().await.unwrap();
    // Not late: its turn had come, and it was left out on purpose.
    let both = fresh.migrator(list()).labels(["eu", "us"]);
    assert_eq!(both.up().await.unwrap().versions(), versions([2, 4]));
    assert_eq!(present(&fresh.db).await, [1, 2, 3, 4, 5]);
    // What is applied stays applied, whatever is selected.
    let none = fresh.migrator(list()).labels(["prod"]);
    assert!(none.up().await.unwrap().is_empty());
    assert_eq!(states(&none).await.iter().filter(|(_, state)| *state == State::Applied).count(), 5);
    // It costs the history at each start, as the guide says, and no lock.
    fresh.wire.take();
    none.up().await.unwrap();
    assert_eq!(fresh.wire.take(), ["find", "find"]);
    fresh.pass().await;
}

#[tokio::test]
async fn one_that_came_after_newer_ones_is_late() {
    let fresh = TestDb::new("labels_late").await;
    let late = || effect!(2).labelled(&["demo"]);
    fresh.migrator([effect!(1), effect!(3)]).up().await.unwrap();
    // It was not there when 3 was applied, so nobody decided about it: where it applies, it is late.
    let error = fresh.migrator([effect!(1), late(), effect!(3)]).labels(["demo"]).up().await;
    assert!(matches!(error, Err(Error::OutOfOrder { .. })), "{error:?}");
    // Where it does not apply, its turn comes with the next run.
    let more = || [effect!(1), late(), effect!(3), effect!(4)];
    let report = fresh.migrator(more()).up().await.unwrap();
    assert_eq!((report.versions(), report.skipped.len()), (versions([4]), 1));
    let selected = fresh.migrator(more()).labels(["demo"]);
    assert_eq!(selected.up().await.unwrap().versions(), versions([2]));
    fresh.pass().await;
}

#[tokio::test]
async fn what_failed_is_not_hidden_by_labels() {
    let fresh = TestDb::new("labels_failed").await;
    let failing = || {
        let fails = Migration::transactional(2, "fails", |_| {
            Box::pin(async { Err("the body says no".into()) })
        });
        [effect!(1), fails.labelled(&["demo"]), effect!(3)]
    };
    fresh.migrator(failing()).labels(["demo"]).up().await.unwrap_err();
    let without = fresh.migrator(failing());
    assert_eq!(without.up().await.unwrap().versions(), versions([3]));
    assert_eq!(states(&without).await[1], (2, State::Failed));
    fresh.pass().await;
}

#[tokio::test]
async fn a_text_that_is_no_label_is_refused_before_a_connection() {
    let fresh = TestDb::new("labels_wrong").await;
    fresh.wire.take();
    for wrong in ["EU", "a b", "!eu", ""] {
        let error = fresh.migrator(list()).labels([wrong]).up().await.unwrap_err();
        assert!(matches!(error, Error::Settings { setting: "labels", .. }), "{error}");
    }
    assert_eq!(fresh.wire.take(), [""; 0]);
    fresh.pass().await;
}

#[tokio::test]
async fn a_baseline_and_the_lock_know_them() {
    let fresh = TestDb::new("labels_baseline").await;
    let migrator = fresh.migrator(list()).labels(["prod"]);
    let report = migrator.baseline(Version::from(3)).await.unwrap();
    let recorded = report.migrations.iter().map(|one| one.version.get());
    assert_eq!(recorded.collect::<Vec<_>>(), [1, 3]);
    assert_eq!(migrator.up().await.unwrap().versions(), versions([5]));
    // An operator may say otherwise.
    migrator.resolve(Version::from(2), mongrate::Resolution::Applied).await.unwrap();
    assert_eq!(states(&migrator).await[1], (2, State::Applied));
    migrator.resolve(Version::from(2), mongrate::Resolution::Undone).await.unwrap();
    assert_eq!(states(&migrator).await[1], (2, State::Skipped));
    fresh.pass().await;
}

#[tokio::test]
async fn processes_with_other_labels_run_at_once() {
    let fresh = TestDb::new("labels_race").await;
    let run = |labels: &'static [&'static str]| {
        let migrator = fresh.migrator(list()).labels(labels.iter().copied());
        async move { migrator.up().await.unwrap() }
    };
    let (demo, prod, again) = tokio::join!(run(&["demo"]), run(&["prod"]), run(&["demo"]));
    let mut all = [demo.versions(), prod.versions(), again.versions()].concat();
    all.sort_unstable();
    assert_eq!(all, versions(1..=5), "each once");
    assert_eq!(present(&fresh.db).await, [1, 2, 3, 4, 5]);
    fresh.pass().await;
}
