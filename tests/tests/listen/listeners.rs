//! What listeners are told.

use std::time::Duration;

use mongrate::{
    Direction, Error, EventKind, Kind, Migration, Migrator, RunOutcome, RunVerb, Severity,
    StartPolicy, StepOutcome, Version, WhenPaused,
    bson::{Document, doc},
};
use mongrate_tests::{TestDb, effects::TWENTY, irreversible, is_mongos};
use tokio::sync::Notify;

use super::{Heard, failing};

#[tokio::test]
async fn each_verb_that_runs_tells_its_events_in_their_order() {
    let fresh = TestDb::new("listen_verbs").await;
    let (heard, second) = (Heard::default(), Heard::default());
    let migrator = fresh.migrator(TWENTY[..2].to_vec()).app("shop 1.3.9");
    let migrator = migrator.listen(heard.listener()).listen(second.listener());

    migrator.up().await.unwrap();
    let events = heard.take();
    assert_eq!(events, second.take(), "each listener gets all");
    let names: Vec<&str> = events.iter().map(|event| event.name()).collect();
    assert_eq!(
        names,
        [
            "run.began",
            "migration.began",
            "migration.ended",
            "migration.began",
            "migration.ended",
            "run.ended"
        ]
    );
    let numbers: Vec<u64> = events.iter().map(|event| event.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    let run = &events[0].run;
    assert!(events.iter().all(|event| event.run == *run && event.id().starts_with(&run.id)));
    assert_eq!((run.verb, run.by.app.as_str()), (RunVerb::Up, "shop 1.3.9"));
    assert_eq!((run.database.as_str(), run.group.as_str()), (fresh.db.name(), "default"));
    assert_eq!(run.by.pid, std::process::id());
    let EventKind::RunBegan { fence: Some(1), pending } = &events[0].kind else {
        panic!("{:?}", events[0])
    };
    assert_eq!(pending.len(), 2);
    let EventKind::MigrationEnded { report, at: 2, of: 2 } = &events[4].kind else {
        panic!("{:?}", events[4])
    };
    assert_eq!((report.version, report.outcome), (Version::new(2), StepOutcome::Applied));
    let EventKind::RunEnded { outcome: RunOutcome::Done, report: Some(report), error: None } =
        &events[5].kind
    else {
        panic!("{:?}", events[5])
    };
    assert_eq!(report.done().count(), 2);
    assert!(events.iter().all(|event| event.severity() == Severity::Info));
    let said = format!("{}: 2 effect_2 was applied", fresh.db.name());
    assert_eq!(events[4].summary(), said);

    migrator.redo().await.unwrap();
    let events = heard.take();
    assert_eq!(events.len(), 6);
    let EventKind::MigrationBegan { migration, at: 1, of: 2 } = &events[1].kind else {
        panic!("{:?}", events[1])
    };
    assert_eq!(migration.direction, Direction::Down);
    assert!(events.iter().all(|event| event.run.verb == RunVerb::Redo));
    assert_ne!(events[0].run.id, run.id);

    migrator.down().all().await.unwrap();
    assert_eq!(heard.take().len(), 6);
    migrator.up().atomic(true).await.unwrap();
    let began = ["migration.began"; 2];
    let ended = ["migration.ended"; 2];
    let all = [&["run.began"][..], &began, &ended, &["run.ended"]].concat();
    assert_eq!(heard.names(), all, "they begin and end together");
    fresh.pass().await;
}

#[tokio::test]
async fn what_runs_nothing_tells_nothing() {
    let fresh = TestDb::new("listen_nothing").await;
    let heard = Heard::default();
    let migrator = fresh.migrator(TWENTY[..2].to_vec()).listen(heard.listener());
    migrator.up().plan().await.unwrap();
    migrator.up().dry_run().await.unwrap();
    if !is_mongos(&fresh.db).await {
        migrator.up().shadow().await.unwrap();
    }
    migrator.baseline(Version::new(1)).await.unwrap();
    migrator.purge().await.unwrap();
    migrator.status().await.unwrap();
    let warned = migrator.on_start().policy(StartPolicy::Warn).await;
    warned.unwrap();
    assert!(matches!(migrator.check().await, Err(Error::Pending { .. })));
    assert!(heard.take().is_empty());
    migrator.on_start().policy(StartPolicy::Migrate).await.unwrap();
    assert_eq!(heard.take().len(), 4, "a start that applies is a run");

    // Nothing is pending: one command, no event, and no thread.
    fresh.wire.take();
    migrator.on_start().policy(StartPolicy::Migrate).await.unwrap();
    migrator.up().await.unwrap();
    assert_eq!(fresh.wire.take(), ["find", "find"]);
    assert!(heard.take().is_empty());
    fresh.pass().await;
}

#[tokio::test]
async fn a_failure_comes_with_the_way_out_and_a_refusal_too() {
    let fresh = TestDb::new("listen_failure").await;
    let heard = Heard::default();
    let list = [TWENTY[0], failing(2), TWENTY[2]];
    let migrator = fresh.migrator(list).listen(heard.listener());
    migrator.up().await.unwrap_err();
    let events = heard.take();
    let names: Vec<&str> = events.iter().map(|event| event.name()).collect();
    let failed = ["migration.began", "migration.failed", "run.ended"];
    assert_eq!(names[3..], failed, "what was not tried is in the run's report");
    let EventKind::MigrationFailed { report, way_out, at: 2, of: 3 } = &events[4].kind else {
        panic!("{:?}", events[4])
    };
    assert_eq!(report.failure.as_ref().unwrap().message, "it does not fit");
    assert!(way_out.contains("left only its record; fix it and run `up` again"), "{way_out}");
    let EventKind::RunEnded { outcome: RunOutcome::Failed, error: Some(error), .. } =
        &events[5].kind
    else {
        panic!("{:?}", events[5])
    };
    assert_eq!((error.code, error.kind), ("migration_failed", Kind::Failed));
    assert_eq!(events[5].severity(), Severity::Error);
    assert!(!events[4].summary().contains("does not fit"), "{}", events[4].summary());

    // One that was edited.
    let other = fresh.migrator([TWENTY[0].with_checksum("another")]).listen(heard.listener());
    other.up().await.unwrap_err();
    let events = heard.take();
    let [refused] = &events[..] else { panic!("{events:#?}") };
    let EventKind::RunRefused { error } = &refused.kind else { panic!("{refused:?}") };
    assert_eq!((error.code, error.kind), ("checksum_drift", Kind::NeedsOperator));
    assert!(error.message.contains("`repair` records the new checksum"), "{error:?}");
    assert_eq!(refused.severity(), Severity::Error);
    fresh.pass().await;
}

#[tokio::test]
async fn a_pause_and_its_end_are_told_once_before_a_run_and_within_one() {
    static INSIDE: Notify = Notify::const_new();
    static GO_ON: Notify = Notify::const_new();
    let fresh = TestDb::new("listen_paused").await;
    let heard = Heard::default();
    let first = Migration::transactional(1, "first", |_| {
        Box::pin(async {
            INSIDE.notify_one();
            GO_ON.notified().await;
            Ok(())
        })
    });
    let list = [first, irreversible!(2)];
    let operator = fresh.again().await;
    let operator = operator.migrator(list).app("ops");
    let migrator = fresh.migrator(list).lease(Duration::from_millis(1_500));
    let migrator = migrator.listen(heard.listener());

    operator.pause().why("not now").await.unwrap();
    let refused = migrator.clone().when_paused(WhenPaused::Fail);
    refused.up().await.unwrap_err();
    let events = heard.take();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].severity(), Severity::Warning, "an operator wants it so");

    let run = tokio::spawn(async move { migrator.up().await });
    let soon = Duration::from_millis(20);
    while heard.0.lock().unwrap().is_empty() {
        tokio::time::sleep(soon).await;
    }
    operator.resume().await.unwrap();
    INSIDE.notified().await;
    operator.pause().why("not now either").await.unwrap();
    // The next heartbeat brings it.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    GO_ON.notify_one();
    let paused = || heard.0.lock().unwrap().iter().filter(|one| one.name() == "run.paused").count();
    while paused() < 2 {
        tokio::time::sleep(soon).await;
    }
    operator.resume().await.unwrap();
    run.await.unwrap().unwrap();
    let events = heard.take();
    let names: Vec<&str> = events.iter().map(|event| event.name()).collect();
    assert_eq!(
        names,
        [
            "run.paused",
            "run.resumed",
            "run.began",
            "migration.began",
            "migration.ended",
            "run.paused",
            "run.resumed",
            "migration.began",
            "migration.ended",
            "run.ended"
        ]
    );
    for (at, why) in [(0, "not now"), (5, "not now either")] {
        let EventKind::Paused { text } = &events[at].kind else { panic!("{:?}", events[at]) };
        assert!(text.contains("ops") && text.contains(why), "{text}");
    }
    fresh.pass().await;
}

#[tokio::test]
async fn a_lost_lock_is_told_with_its_thief_and_a_dropped_future_as_cancelled() {
    static INSIDE: Notify = Notify::const_new();
    let fresh = TestDb::new("listen_lost").await;
    let heard = Heard::default();
    let slow = Migration::transactional(1, "slow", |tx| {
        Box::pin(async move {
            tx.collection::<Document>("things").insert_one(doc! {}).await?;
            INSIDE.notify_one();
            std::future::pending::<()>().await;
            Ok(())
        })
    });
    let migrator = fresh.migrator([slow]).lease(Duration::from_millis(1_500));
    let migrator = migrator.listen(heard.listener());
    let running = migrator.clone();
    let run = tokio::spawn(async move { running.up().await });
    INSIDE.notified().await;
    let other = fresh.again().await;
    let thief = other.migrator([slow]).app("thief");
    let fence = thief.lock_status().await.unwrap().fence;
    thief.force_unlock(fence).await.unwrap();
    let error = run.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::LockLost { taken_by: Some(_), .. }), "{error:?}");
    let events = heard.take();
    let names: Vec<&str> = events.iter().map(|event| event.name()).collect();
    assert_eq!(names[2..], ["migration.ended", "run.lock_lost", "run.ended"]);
    let EventKind::LockLost { taken_by: Some(by) } = &events[3].kind else {
        panic!("{:?}", events[3])
    };
    assert_eq!(by.app, "thief");

    // A future that is dropped: nobody waits for its end.
    let running = migrator.clone();
    let run = tokio::spawn(async move { running.up().await });
    INSIDE.notified().await;
    run.abort();
    let _ = run.await;
    assert_eq!(migrator.flush_listeners(Duration::from_secs(30)).await, 0);
    let events = heard.take();
    let ended = events.iter().find(|event| event.name() == "run.ended").unwrap();
    let EventKind::RunEnded { outcome: RunOutcome::Cancelled, report: None, .. } = &ended.kind
    else {
        panic!("{ended:?}")
    };
    while thief.lock_status().await.unwrap().held {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    fresh.pass().await;
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_refused_before_anything_is_sent() {
    let fresh = TestDb::new("listen_wait").await;
    let migrator = fresh.migrator(TWENTY).listener_wait(Duration::from_secs(601));
    let error = migrator.up().await.unwrap_err();
    let Error::Settings { setting: "listener_wait", .. } = error else { panic!("{error:?}") };
    assert!(fresh.wire.take().is_empty());
    let _: Migrator = migrator.listener_wait(Duration::ZERO);
    fresh.pass().await;
}

/// No wait is too long to be waited for.
#[tokio::test]
async fn a_flush_may_be_as_long_as_durations_are() {
    let fresh = TestDb::new("listen_flush").await;
    let migrator = fresh.migrator(TWENTY[..1].to_vec()).listen(|_| {});
    migrator.up().await.unwrap();
    assert_eq!(migrator.flush_listeners(Duration::MAX).await, 0);
    fresh.pass().await;
}
