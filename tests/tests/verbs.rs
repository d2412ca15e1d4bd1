//! The verbs, each on a real server.

use mongrate::{
    DatabaseAhead, Direction, Error, Migration, OutOfOrder, Resolution, StartPolicy, StartReport,
    State, StepOutcome, Version, Wait,
    bson::{Bson, Document, doc},
    mongodb::options::WriteConcern,
};
use mongrate_tests::{
    Fresh, effect,
    effects::{TWENTY, assert_exactly_once, present, versions},
    irreversible,
};

const FIVE: [Migration; 5] = [effect!(1), effect!(2), effect!(3), effect!(4), effect!(5)];

fn failing(version: i64, name: &'static str) -> Migration {
    Migration::transactional(version, name, |tx| {
        Box::pin(async move {
            mongrate_tests::effects::leave(tx, 99).await?;
            Err("the body says no".into())
        })
    })
}

#[tokio::test]
async fn up_applies_all_in_order_and_then_nothing() {
    let fresh = Fresh::new("up_applies_all").await;
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
    let fresh = Fresh::new("a_single_migration").await;
    let report = fresh.migrator([effect!(1)]).up().await.unwrap();
    assert_eq!(report.versions(), versions([1]));
    assert_exactly_once(&fresh.db, 1..=1).await;
    fresh.pass().await;
}

#[tokio::test]
async fn up_stops_where_it_is_told() {
    let fresh = Fresh::new("up_stops").await;
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
async fn down_by_every_selector() {
    let fresh = Fresh::new("down_by_every_selector").await;
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
    let fresh = Fresh::new("down_reverse_application").await;
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
    let fresh = Fresh::new("redo").await;
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
async fn status_shows_every_state() {
    let fresh = Fresh::new("status").await;
    fresh.migrator([effect!(1), effect!(9)]).up().await.unwrap();
    let list = [effect!(1), irreversible!(10), failing(11, "fails"), effect!(12)];
    let migrator = fresh.migrator(list);
    migrator.up().await.unwrap_err();
    let status = migrator.status().await.unwrap();
    let states: Vec<_> =
        status.migrations.iter().map(|one| (one.version.get(), one.state, one.linked)).collect();
    assert_eq!(
        states,
        [
            (1, State::Applied, true),
            (9, State::Applied, false),
            (10, State::Applied, true),
            (11, State::Failed, true),
            (12, State::Pending, true),
        ]
    );
    assert_eq!((status.applied, status.failed, status.pending), (3, 1, 1));
    assert_eq!(status.unapplied(), 2);
    assert!(!status.lock.held);
    let first = &status.migrations[0];
    assert!(first.applied_at.is_some() && first.duration_ms.is_some() && first.batch == Some(1));
    assert_eq!(first.by.as_ref().unwrap().pid, std::process::id());
    assert!(first.reversible && !status.migrations[2].reversible);
    let failure = status.migrations[3].failure.as_ref().unwrap();
    assert!(failure.message.contains("the body says no"), "{failure:?}");
    // The machine-readable form goes there and back.
    let json = serde_json::to_string(&status).unwrap();
    assert_eq!(serde_json::from_str::<mongrate::StatusReport>(&json).unwrap(), status);
    fresh.pass().await;
}

#[tokio::test]
async fn history_tells_what_happened_when() {
    let fresh = Fresh::new("history").await;
    let migrator = fresh.migrator([effect!(1), effect!(2)]).app("tests 1.0");
    migrator.up().await.unwrap();
    migrator.down().await.unwrap();
    migrator.up().await.unwrap();
    let events = migrator.history().await.unwrap().events;
    let told: Vec<_> =
        events.iter().map(|one| (one.version.unwrap().get(), one.event.as_str())).collect();
    assert_eq!(told, [(1, "applied"), (2, "applied"), (2, "reverted"), (2, "applied")]);
    assert!(events.iter().all(|one| one.by.app == "tests 1.0"));
    let fences: Vec<i64> = events.iter().map(|one| one.fence).collect();
    assert_eq!(fences, [1, 1, 2, 3], "fence numbers rise");
    for _ in 0..12 {
        migrator.redo().await.unwrap();
    }
    let events = migrator.history().await.unwrap().events;
    let of_two = events.iter().filter(|one| one.version == Some(Version::from(2))).count();
    assert_eq!(of_two, 20, "a record keeps twenty events");
    fresh.pass().await;
}

#[tokio::test]
async fn baseline_records_without_running() {
    let fresh = Fresh::new("baseline").await;
    let migrator = fresh.migrator(FIVE);
    let report = migrator.baseline(3).await.unwrap();
    assert_eq!(report.migrations.len(), 3);
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    assert_eq!(migrator.up().await.unwrap().versions(), versions([4, 5]));
    assert!(matches!(migrator.baseline(8).await, Err(Error::UnknownVersion { .. })));
    assert!(migrator.baseline(5).await.unwrap().migrations.is_empty());
    assert!(migrator.up().await.unwrap().is_empty(), "the digest counts the baseline");
    fresh.pass().await;
}

#[tokio::test]
async fn resolve_answers_for_an_interrupted_one() {
    let fresh = Fresh::new("resolve").await;
    let migrator = fresh.migrator([effect!(1), failing(2, "fails"), effect!(3)]);
    migrator.up().await.unwrap_err();
    let report = migrator.resolve(2, Resolution::Applied).await.unwrap();
    assert_eq!(report.state, State::Applied);
    assert_eq!(migrator.up().await.unwrap().versions(), versions([3]));
    let again = migrator.resolve(2, Resolution::Applied).await.unwrap_err();
    assert!(matches!(again, Error::WrongState { .. }), "{again}");
    migrator.resolve(3, Resolution::Undone).await.unwrap();
    assert_eq!(migrator.up().await.unwrap().versions(), versions([3]));
    assert!(migrator.up().await.unwrap().is_empty(), "the digest follows the answers");
    fresh.pass().await;
}

#[tokio::test]
async fn a_failure_stops_and_can_be_retried() {
    let fresh = Fresh::new("a_failure_stops").await;
    let broken = fresh.migrator([effect!(1), failing(2, "effect_2"), effect!(3)]);
    let error = broken.up().await.unwrap_err();
    let report = error.report().unwrap();
    let outcomes: Vec<_> = report.steps.iter().map(|step| step.outcome).collect();
    assert_eq!(outcomes, [StepOutcome::Applied, StepOutcome::Failed, StepOutcome::NotRun]);
    assert!(error.to_string().contains("the body says no"), "{error}");
    assert_eq!(present(&fresh.db).await, [1], "nothing of the failed one");
    assert!(!broken.lock_status().await.unwrap().held, "the lock was given back");
    let events = broken.history().await.unwrap().events;
    assert!(events.iter().any(|one| one.event == "failed" && one.failure.is_some()));

    let mended = fresh.migrator([effect!(1), effect!(2), effect!(3)]);
    assert_eq!(mended.up().await.unwrap().versions(), versions([2, 3]));
    assert_exactly_once(&fresh.db, 1..=3).await;
    fresh.pass().await;
}

#[tokio::test]
async fn continue_on_error_goes_on_and_still_fails() {
    let fresh = Fresh::new("continue_on_error").await;
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
    let fresh = Fresh::new("a_panic").await;
    let panics = Migration::transactional(1, "panics", |_| Box::pin(async { panic!("oh no") }));
    let error = fresh.migrator([panics]).up().await.unwrap_err();
    assert!(error.to_string().contains("oh no"), "{error}");
    assert!(!fresh.migrator([panics]).lock_status().await.unwrap().held);
    fresh.pass().await;
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let fresh = Fresh::new("a_dry_run").await;
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
    let fresh = Fresh::new("a_late_merged").await;
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
async fn an_edited_body_is_an_error_until_it_is_repaired() {
    let fresh = Fresh::new("an_edited_body").await;
    let list = |sum| [effect!(1).with_checksum(sum), effect!(2)];
    fresh.migrator([list("v1:sha256:aa")[0]]).up().await.unwrap();
    let migrator = fresh.migrator(list("v1:sha256:bb"));
    for error in [migrator.up().await.unwrap_err(), migrator.check().await.unwrap_err()] {
        let text = error.to_string();
        assert!(matches!(error, Error::Drift(_)), "{text}");
        for part in ["v1:sha256:aa", "v1:sha256:bb", "repair"] {
            assert!(text.contains(part), "{text}");
        }
    }
    assert!(migrator.status().await.unwrap().migrations[0].drifted);
    let preview = migrator.repair().preview().await.unwrap();
    assert!(!preview.written && preview.checksums.len() == 1);
    assert!(migrator.up().await.is_err(), "a preview writes nothing");
    let repaired = migrator.repair().await.unwrap();
    assert!(repaired.written);
    assert_eq!(migrator.up().await.unwrap().versions(), versions([2]));
    assert!(migrator.up().await.unwrap().is_empty(), "the digest was repaired too");
    fresh.pass().await;
}

#[tokio::test]
async fn repair_rebuilds_a_damaged_digest() {
    let fresh = Fresh::new("repair_rebuilds").await;
    let migrator = fresh.migrator(FIVE);
    migrator.up().await.unwrap();
    let control = fresh.db.collection::<Document>("migrations");
    let lost = doc! { "$set": { "applied": { "count": 5_i64, "digest": "lost" } } };
    // Before 5.0, a majority read need not see a write that did not ask for a majority.
    let majority = WriteConcern::majority();
    control.update_one(doc! { "_id": "fence" }, lost).write_concern(majority).await.unwrap();
    // Slower, but right all the same.
    assert!(migrator.up().await.unwrap().is_empty());
    fresh.wire.take();
    migrator.up().await.unwrap();
    assert!(fresh.wire.take().len() > 1);
    assert!(migrator.repair().preview().await.unwrap().digest_rebuilt);
    assert!(migrator.repair().await.unwrap().digest_rebuilt);
    assert!(!migrator.repair().preview().await.unwrap().digest_rebuilt);
    fresh.wire.take();
    migrator.up().await.unwrap();
    assert_eq!(fresh.wire.take(), ["find"]);
    fresh.pass().await;
}

#[tokio::test]
async fn a_database_that_is_ahead_is_a_warning_or_an_error() {
    let fresh = Fresh::new("a_database_ahead").await;
    fresh.migrator(FIVE).up().await.unwrap();
    let older = fresh.migrator([effect!(1), effect!(2), effect!(3)]);
    fresh.wire.take();
    let report = older.up().await.unwrap();
    assert!(report.is_empty());
    assert_eq!(report.ahead.len(), 2);
    assert!(fresh.wire.take().iter().all(|name| name == "find"), "no lock for nothing");
    let strict = older.clone().database_ahead(DatabaseAhead::Refuse);
    assert!(matches!(strict.up().await, Err(Error::Ahead { .. })));
    assert!(matches!(strict.check().await, Err(Error::Ahead { .. })));
    let error = older.down().await.unwrap_err();
    assert!(matches!(error, Error::NotLinked { .. }), "{error}");
    assert_eq!(present(&fresh.db).await, [1, 2, 3, 4, 5]);
    fresh.pass().await;
}

#[tokio::test]
async fn an_irreversible_one_is_refused_before_anything_runs() {
    let fresh = Fresh::new("an_irreversible_one").await;
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
    let fresh = Fresh::new("a_failed_rollback").await;
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
async fn the_policy_at_start_decides() {
    let fresh = Fresh::new("the_policy_at_start").await;
    let migrator = fresh.migrator(FIVE);
    let warned = migrator.on_start().policy(StartPolicy::Warn).await.unwrap();
    assert_eq!(warned, StartReport::Warn { pending: 5 });
    let error = migrator.on_start().policy(StartPolicy::Check).await.unwrap_err();
    assert!(matches!(&error, Error::Pending { versions } if versions.len() == 5), "{error}");
    assert_eq!(error.kind().exit_code(), 3);
    let done = migrator.on_start().policy(StartPolicy::Migrate).await.unwrap();
    assert!(matches!(done, StartReport::Migrate(report) if report.done().count() == 5));
    for policy in [StartPolicy::Migrate, StartPolicy::Check, StartPolicy::Warn] {
        fresh.wire.take();
        migrator.on_start().policy(policy).await.unwrap();
        assert_eq!(fresh.wire.take(), ["find"], "{policy:?} costs one round trip");
    }
    fresh.pass().await;
}

#[tokio::test]
async fn two_groups_share_a_database() {
    let fresh = Fresh::new("two_groups").await;
    let list = [effect!(1), effect!(2).in_group("billing")];
    let shop = fresh.migrator(list);
    let billing = fresh.migrator(list).group("billing");
    assert_eq!(shop.up().await.unwrap().versions(), versions([1]));
    assert_eq!(billing.up().await.unwrap().versions(), versions([2]));
    assert!(shop.up().await.unwrap().is_empty());
    assert!(billing.up().await.unwrap().is_empty());
    let error = fresh.migrator(list).group("nobody").up().await.unwrap_err();
    assert_eq!(error.kind().exit_code(), 70);
    fresh.pass().await;
}

/// A build that is older than what wrote the record does not guess.
#[tokio::test]
async fn what_a_record_says_in_unknown_words_is_an_error() {
    let fresh = Fresh::new("unknown_words").await;
    let migrator = fresh.migrator(FIVE);
    migrator.up().to(1).await.unwrap();
    let control = fresh.db.collection::<Document>("migrations");
    for (field, known) in [("kind", "transaction"), ("direction", "up"), ("state", "applied")] {
        for unknown in [Bson::from("quantum"), Bson::from(7), Bson::Null] {
            let set = |value: Bson| {
                let control = control.clone();
                async move {
                    let update = doc! { "$set": { field: value } };
                    let id = doc! { "_id": 1_i64 };
                    let set = control.update_one(id, update);
                    set.write_concern(WriteConcern::majority()).await.unwrap();
                }
            };
            set(unknown.clone()).await;
            let error = migrator.up().await.unwrap_err();
            assert!(matches!(error, Error::Corrupt { .. }), "{field} {unknown}: {error}");
            assert!(error.to_string().contains(&format!("`{field}`")), "{error}");
            assert_eq!(error.kind().exit_code(), 65);
            assert_eq!(present(&fresh.db).await, [1_i64], "nothing was run");
            set(known.into()).await;
        }
    }
    // What is not there at all is what it was before there was such a field.
    let unset = doc! { "$unset": { "kind": "" } };
    let unset = control.update_one(doc! { "_id": 1_i64 }, unset);
    unset.write_concern(WriteConcern::majority()).await.unwrap();
    assert_eq!(migrator.up().await.unwrap().versions(), versions(2..=5));
    fresh.pass().await;
}

#[tokio::test]
async fn a_foreign_collection_is_left_alone() {
    let fresh = Fresh::new("a_foreign_collection").await;
    let foreign = doc! { "fileName": "20200101-first.js", "appliedAt": "then" };
    let control = fresh.db.collection::<Document>("migrations");
    control.insert_one(foreign).write_concern(WriteConcern::majority()).await.unwrap();
    let error = fresh.migrator(FIVE).up().await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    let elsewhere = fresh.migrator(FIVE).collection("mongrate");
    assert_eq!(elsewhere.up().await.unwrap().versions(), versions(1..=5));
    fresh.pass().await;
}

#[tokio::test]
async fn wrong_settings_are_refused_without_a_command() {
    let fresh = Fresh::new("wrong_settings").await;
    for migrator in [
        fresh.migrator(FIVE).collection("a$b"),
        fresh.migrator(FIVE).collection(""),
        fresh.migrator(FIVE).lease(std::time::Duration::ZERO),
        fresh.migrator(FIVE).group(""),
        fresh.migrator([effect!(1), effect!(1)]),
        fresh.migrator([]),
    ] {
        migrator.up().await.unwrap_err();
        migrator.wait(Wait::No).status().await.unwrap_err();
    }
    assert!(fresh.wire.take().is_empty());
    fresh.pass().await;
}

#[tokio::test]
async fn down_after_a_baseline_goes_from_the_newest() {
    let fresh = Fresh::new("down_after_a_baseline").await;
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
    let fresh = Fresh::new("down_beneath").await;
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
    let fresh = Fresh::new("over_a_rollback").await;
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

#[tokio::test]
async fn repair_mends_a_history_whose_records_are_gone() {
    let fresh = Fresh::new("repair_records_gone").await;
    let migrator = fresh.migrator(FIVE);
    migrator.baseline(5).await.unwrap();
    let control = fresh.db.collection::<Document>("migrations");
    let records = doc! { "_id": { "$type": "long" } };
    control.delete_many(records).write_concern(WriteConcern::majority()).await.unwrap();
    assert!(migrator.up().await.unwrap().is_empty(), "the digest still says so");
    assert!(migrator.repair().await.unwrap().digest_rebuilt);
    assert_eq!(migrator.up().await.unwrap().versions(), versions(1..=5));
    assert!(!migrator.repair().await.unwrap().digest_rebuilt);
    fresh.pass().await;
}

#[tokio::test]
async fn one_that_is_resolved_as_pending_is_applied_in_its_turn() {
    let fresh = Fresh::new("resolved_as_pending").await;
    let broken = fresh.migrator([effect!(1), failing(2, "effect_2"), effect!(3)]);
    broken.up().continue_on_error(true).await.unwrap_err();
    broken.resolve(2, Resolution::Pending).await.unwrap();
    let mended = fresh.migrator([effect!(1), effect!(2), effect!(3)]);
    assert_eq!(mended.up().await.unwrap().versions(), versions([2]));
    fresh.pass().await;
}

#[tokio::test]
async fn a_warning_policy_never_keeps_an_app_from_starting() {
    let fresh = Fresh::new("a_warning_policy").await;
    let list = |sum| [effect!(1).with_checksum(sum), effect!(3)];
    fresh.migrator(list("v1:sha256:aa")).up().await.unwrap();
    let drifted = fresh.migrator(list("v1:sha256:bb"));
    let late = fresh.migrator([list("v1:sha256:aa")[0], effect!(2), list("")[1]]);
    let ahead = fresh.migrator([list("v1:sha256:aa")[0]]).database_ahead(DatabaseAhead::Refuse);
    for (migrator, pending) in [(drifted, 0), (late, 1), (ahead, 0)] {
        let started = migrator.on_start().policy(StartPolicy::Warn).await.unwrap();
        assert_eq!(started, StartReport::Warn { pending });
        migrator.on_start().policy(StartPolicy::Check).await.unwrap_err();
    }
    fresh.pass().await;
}

#[tokio::test]
async fn a_target_that_does_not_exist_is_refused_even_with_nothing_pending() {
    let fresh = Fresh::new("a_target_that_does_not").await;
    let migrator = fresh.migrator(FIVE);
    migrator.up().await.unwrap();
    assert!(matches!(migrator.up().to(99).await, Err(Error::UnknownVersion { .. })));
    fresh.pass().await;
}
