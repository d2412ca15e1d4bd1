//! A record of another name is another migration's; and what an operator says about one's own.

use std::time::Duration;

use mongrate::{
    Error, Kind, Migration, Migrator, Resolution, StartPolicy, StartReport, State, Tool, Wait,
    bson::{Document, doc},
};
use mongrate_tests::{
    TestDb, effect,
    effects::{assert_exactly_once, leave, present, undo, versions},
};

const OURS: [Migration; 3] = [effect!(1), effect!(2), effect!(3)];

/// What another app calls its second migration.
const PLAIN: Migration = Migration::transactional(2, "plain", |tx| Box::pin(leave(tx, 2)))
    .reversible_by(|tx| Box::pin(undo(tx, 2)));

/// The records, without lock and fence, which any verb that takes the lock changes.
async fn records(fresh: &TestDb) -> Vec<Document> {
    use futures_util::TryStreamExt as _;
    let filter = doc! { "_id": { "$type": "long" } };
    let found = fresh.db.collection::<Document>("migrations").find(filter).await.unwrap();
    found.try_collect().await.unwrap()
}

#[track_caller]
fn is_refused<T: std::fmt::Debug>(verb: &str, ended: Result<T, Error>) {
    let error = ended.expect_err(verb);
    let text = error.to_string();
    let Error::Renamed(renamed) = &error else { panic!("{verb}: {error}") };
    assert_eq!(renamed.len(), 1, "{verb}: {text}");
    assert_eq!((renamed[0].recorded.as_str(), renamed[0].linked.as_str()), ("plain", "effect_2"));
    for part in [
        "recorded as `plain`",
        "if it is another app's history, use a group or a collection of your own",
        "--group",
        "--collection",
        "repair --renamed 2",
    ] {
        assert!(text.contains(part), "{verb}: `{part}` is not in: {text}");
    }
    assert_eq!((error.kind(), error.code()), (Kind::NeedsOperator, "renamed"), "{verb}");
}

#[tokio::test]
async fn another_apps_history_is_refused_by_every_verb() {
    let fresh = TestDb::new("another_apps_history").await;
    fresh.migrator([effect!(1), PLAIN]).up().await.unwrap();
    let theirs = fresh.db.collection::<Document>("changelog");
    theirs.insert_one(doc! { "fileName": "3-effect_3.js", "appliedAt": "now" }).await.unwrap();
    let before = records(&fresh).await;

    let ours = fresh.migrator(OURS);
    is_refused("up", ours.up().await);
    is_refused("up --to", ours.up().to(1).await);
    is_refused("up --atomic", ours.up().atomic(true).await);
    is_refused("plan", ours.plan().await);
    is_refused("dry run", ours.up().dry_run().await);
    is_refused("shadow", ours.up().shadow().await);
    is_refused("check", ours.check().await);
    is_refused("check --allow-pending", ours.check().allow_pending(true).await);
    is_refused("down", ours.down().await);
    is_refused("down --all", ours.down().all().plan().await);
    is_refused("redo", ours.redo().await);
    is_refused("repair", ours.repair().await);
    is_refused("repair --dry-run", ours.repair().preview().await);
    is_refused("repair --renamed 1", ours.repair().renamed(1).await);
    is_refused("baseline", ours.baseline(3).await);
    is_refused("resolve", ours.resolve(3, Resolution::Applied).await);
    is_refused("resolve", ours.resolve(2, Resolution::Undone).await);
    is_refused("import", ours.import(Tool::MigrateMongo).await);
    is_refused("import --dry-run", ours.import(Tool::MigrateMongo).preview().await);
    is_refused("purge", ours.purge().await);
    is_refused("purge --dry-run", ours.purge().preview().await);
    is_refused("start: true", ours.on_start().policy(StartPolicy::Migrate).await);
    is_refused("start: check", ours.on_start().policy(StartPolicy::Check).await);
    let started = ours.on_start().policy(StartPolicy::Warn).await.unwrap();
    assert!(matches!(started, StartReport::Warn { .. }), "{started:?}");

    assert_eq!(records(&fresh).await, before, "no record was touched");
    assert_eq!(present(&fresh.db).await, [1, 2], "nothing was run");
    assert!(!ours.lock_status().await.unwrap().held, "the lock was given back");
    let status = ours.status().await.unwrap();
    let shown: Vec<_> =
        status.migrations.iter().map(|migration| migration.recorded_as.as_deref()).collect();
    assert_eq!(shown, [None, Some("plain"), None]);

    // The way out for another app.
    let elsewhere = fresh.migrator([effect!(3)]).collection("ours");
    assert_eq!(elsewhere.up().await.unwrap().versions(), versions([3]));
    fresh.pass().await;
}

#[tokio::test]
async fn a_migration_that_was_renamed_is_said_to_be() {
    let fresh = TestDb::new("a_renamed_migration").await;
    let old = [effect!(1), PLAIN.with_checksum("v1:sha256:aa")];
    fresh.migrator(old).up().await.unwrap();
    for checksum in ["v1:sha256:aa", "v1:sha256:bb"] {
        let (from, to) = match checksum {
            "v1:sha256:aa" => ("plain", "effect_2"),
            _ => ("effect_2", "renamed_again"),
        };
        let two =
            Migration::transactional(2, to, |tx| Box::pin(leave(tx, 2))).with_checksum(checksum);
        let new = fresh.migrator([effect!(1), two]);
        assert!(matches!(new.check().await, Err(Error::Renamed(_))));
        let preview = new.repair().renamed(2).preview().await.unwrap();
        assert!(!preview.written);
        let repaired = new.repair().renamed(2).await.unwrap();
        assert_eq!(repaired.renamed, preview.renamed);
        assert_eq!((repaired.renamed[0].recorded.as_str(), repaired.renamed.len()), (from, 1));
        assert_eq!(repaired.checksums.len(), usize::from(checksum == "v1:sha256:bb"));
        new.check().await.unwrap();
        assert!(new.up().await.unwrap().is_empty());
        fresh.wire.take();
        new.up().await.unwrap();
        assert_eq!(fresh.wire.take(), ["find"], "the digest is right");
        let history = new.history().await.unwrap();
        assert!(history.events.iter().any(|event| event.event == "renamed" && event.name == to));
        let again = new.repair().renamed(2).await.unwrap_err();
        assert!(matches!(again, Error::WrongState { .. }), "{again}");
        let unknown = new.repair().renamed(9).await.unwrap_err();
        assert!(matches!(unknown, Error::UnknownVersion { .. }), "{unknown}");
    }
    assert_exactly_once(&fresh.db, 1..=2).await;
    fresh.pass().await;
}

#[tokio::test]
async fn what_left_nothing_may_be_written_anew_under_another_name() {
    let fresh = TestDb::new("written_anew").await;
    let fails = Migration::transactional(1, "first_try", |_| Box::pin(async { Err("no".into()) }));
    fresh.migrator([fails]).up().await.unwrap_err();
    let second = fresh.migrator([effect!(1), PLAIN]);
    assert_eq!(second.up().await.unwrap().versions(), versions([1, 2]));
    second.down().await.unwrap();
    let third = fresh.migrator([effect!(1), effect!(2)]);
    assert_eq!(third.up().await.unwrap().versions(), versions([2]));
    assert!(
        third
            .status()
            .await
            .unwrap()
            .migrations
            .iter()
            .all(|migration| migration.recorded_as.is_none())
    );
    assert_exactly_once(&fresh.db, 1..=2).await;
    fresh.pass().await;
}

#[tokio::test]
async fn what_is_half_done_under_another_name_is_refused() {
    let fresh = TestDb::new("half_done_under_another").await;
    let half = Migration::online_steps(1, "half", |on| {
        Box::pin(async move {
            on.transaction("one", async |tx| leave(tx, 1).await).await?;
            Err("not further".into())
        })
    });
    fresh.migrator([half]).up().await.unwrap_err();
    let other = fresh.migrator([effect!(1)]);
    let error = other.up().await.unwrap_err();
    assert!(matches!(error, Error::Renamed(_)), "{error}");
    assert!(error.to_string().contains("recorded as `half`"), "{error}");
    assert_eq!(present(&fresh.db).await, [1]);
    fresh.pass().await;
}

#[tokio::test]
async fn an_applied_migration_is_rolled_back_and_not_just_called_pending() {
    let fresh = TestDb::new("applied_is_not_pending").await;
    let migrator = fresh.migrator(OURS);
    migrator.up().to(2).await.unwrap();
    let error = migrator.resolve(2, Resolution::Pending).await.unwrap_err();
    assert!(matches!(error, Error::WrongState { .. }), "{error}");
    for part in ["2 is applied", "`down`", "`resolve --as undone`", "nothing was written"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(migrator.status().await.unwrap().migrations[1].state, State::Applied);
    // Its effects are undone by hand, and it is applied again.
    let effects = fresh.db.collection::<Document>("effects");
    effects.delete_one(doc! { "version": 2 }).await.unwrap();
    let report = migrator.resolve(2, Resolution::Undone).await.unwrap();
    assert_eq!(report.state, State::Pending);
    for version in [2, 3] {
        let error = migrator.resolve(version, Resolution::Undone).await.unwrap_err();
        assert!(matches!(error, Error::WrongState { .. }), "{error}");
    }
    assert_eq!(migrator.up().await.unwrap().versions(), versions([2, 3]));
    assert_exactly_once(&fresh.db, 1..=3).await;
    fresh.pass().await;
}

/// At its next heartbeat, while no other process runs; and it does not take the lock again.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_lock_is_taken_away_stops_and_says_so() {
    static INSIDE: tokio::sync::Notify = tokio::sync::Notify::const_new();
    let hangs = Migration::transactional(2, "effect_2", |tx| {
        Box::pin(async move {
            leave(tx, 2).await?;
            INSIDE.notify_one();
            std::future::pending().await
        })
    });
    let fresh = TestDb::new("taken_away").await;
    let run = fresh.migrator([effect!(1), hangs]).lease(Duration::from_secs(2));
    let running = tokio::spawn(async move { run.wait(Wait::Forever).up().await });
    INSIDE.notified().await;

    let operator = fresh.migrator(OURS).app("the operator");
    operator.force_unlock(1).await.unwrap();
    let error = running.await.unwrap().unwrap_err();
    let Error::LockLost { report, taken_by: Some(by) } = &error else { panic!("{error}") };
    assert_eq!(by.app, "the operator");
    assert_eq!(report.versions(), versions([1]), "what it had done is reported");
    for part in ["the lock was taken away by an operator", "1 migration done", "`status`"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!((error.kind(), error.kind().exit_code()), (Kind::NeedsOperator, 65));
    let lock = operator.lock_status().await.unwrap();
    assert!(!lock.held && lock.fence == 1, "nobody took it again: {lock:?}");
    assert_eq!(present(&fresh.db).await, [1]);
    assert_eq!(operator.up().await.unwrap().versions(), versions([2, 3]));
    assert_exactly_once(&fresh.db, 1..=3).await;
    fresh.pass().await;
}

/// A lock that was lost in another way is waited for as before, whatever happened to earlier ones.
#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_unlock_is_no_reason_to_stop() {
    static INSIDE: tokio::sync::Notify = tokio::sync::Notify::const_new();
    let fresh = TestDb::new("an_earlier_unlock").await;
    let hangs = Migration::transactional(1, "effect_1", |_| {
        Box::pin(async move {
            INSIDE.notify_one();
            std::future::pending().await
        })
    });
    let first = fresh.migrator([hangs]).lease(Duration::from_secs(600)).wait(Wait::No);
    let stopped = tokio::spawn(async move { first.up().await });
    INSIDE.notified().await;
    let operator: Migrator = fresh.migrator(OURS);
    operator.force_unlock(1).await.unwrap();
    assert_eq!(operator.up().await.unwrap().versions(), versions([1, 2, 3]));
    stopped.abort();
    assert_exactly_once(&fresh.db, 1..=3).await;
    fresh.pass().await;
}
