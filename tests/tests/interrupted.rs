//! What was begun and is not done: whether a process is at it, how far it is, and that the counts of
//! a status add up. By the library, as JSON, and over HTTP.

use std::time::Duration;

use mongrate::{
    CancellationToken, Direction, Error, Migration, State, StatusReport,
    bson::{Document, doc},
    http::{
        Api, Auth, Scope, Token,
        axum::{
            body::{Body, to_bytes},
            http::Request,
        },
    },
};
use mongrate_tests::{TestDb, effect, process::Fixture};
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};
use tower::ServiceExt as _;

const TOKEN: &str = "reader-0123456789abcdef";

/// `GET /status`.
async fn over_http(fresh: &TestDb, list: impl IntoIterator<Item = Migration>) -> Value {
    let auth = Auth::bearer([Token::new("dashboard", Scope::Read, TOKEN).unwrap()]).unwrap();
    let router = Api::new(fresh.migrator(list), auth).router();
    let request = Request::get(format!("{}/status", mongrate::http::PREFIX))
        .header("host", "migrations.test")
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(Body::empty())
        .unwrap();
    let answer = router.oneshot(request).await.unwrap();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// Each migration is counted once.
#[track_caller]
fn adds_up(status: &StatusReport) {
    let StatusReport { applied, pending, failed, running, interrupted, orphaned, .. } = status;
    let sum = applied + pending + failed + running + interrupted + orphaned;
    assert_eq!(sum, status.migrations.len(), "{status:#?}");
}

static INSIDE: Notify = Notify::const_new();
static GATE: Semaphore = Semaphore::const_new(0);

/// Waits at its document 180 of 1,000, in batches of 10.
const WALK: Migration = Migration::online_steps(2, "walk", |on| {
    Box::pin(async move {
        on.backfill("walk", "things")
            .batch_size(10)
            .update_each(|thing: Document| {
                if thing.get_i32("_id")? == 180 {
                    INSIDE.notify_one();
                    while GATE.available_permits() == 0 {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                }
                Ok(Some(doc! { "$inc": { "n": 1 } }))
            })
            .await
            .map(drop)
    })
});

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_is_running_and_then_interrupted_at_19_percent() {
    let fresh = TestDb::new("interrupted").await;
    let things = fresh.db.collection::<Document>("things");
    things.insert_many((0..1_000).map(|id| doc! { "_id": id })).await.unwrap();
    let stop = CancellationToken::new();
    let migrator = fresh.migrator([effect!(1), WALK, effect!(3)]);
    let stopped = migrator.clone().cancel_on(stop.clone());
    let run = tokio::spawn(async move { stopped.up().await });
    INSIDE.notified().await;

    let status = migrator.status().await.unwrap();
    adds_up(&status);
    let walk = &status.migrations[1];
    assert_eq!((walk.state, walk.direction), (State::Running, Some(Direction::Up)));
    assert_eq!(walk.state_text(), format!("running at {} %", walk.percent.unwrap()));
    assert!(status.lock.is_live() && !status.lock.dead);
    assert_eq!((status.applied, status.running, status.pending), (1, 1, 1));

    stop.cancel();
    GATE.add_permits(1);
    assert!(matches!(run.await.unwrap(), Err(Error::Cancelled { .. })));
    let status = migrator.status().await.unwrap();
    adds_up(&status);
    let walk = &status.migrations[1];
    assert_eq!((walk.state, walk.percent), (State::Interrupted, Some(19)), "{walk:#?}");
    assert_eq!(walk.state_text(), "interrupted at 19 %");
    assert_eq!((status.applied, status.interrupted, status.pending), (1, 1, 1));
    assert_eq!(status.unapplied(), 2);

    // The same words for machines.
    let text = serde_json::to_value(&status).unwrap();
    let answered = over_http(&fresh, [effect!(1), WALK, effect!(3)]).await;
    for status in [&text, &answered] {
        let walk = &status["migrations"][1];
        assert_eq!((&walk["state"], &walk["percent"]), (&json!("interrupted"), &json!(19)));
        assert_eq!(walk["direction"], "up");
        assert_eq!((&status["interrupted"], &status["running"]), (&json!(1), &json!(0)));
        assert!(!status.to_string().contains("\"running\"}"), "{status}");
    }
    assert_eq!(text, answered);

    migrator.up().await.unwrap();
    let status = migrator.status().await.unwrap();
    adds_up(&status);
    assert_eq!((status.applied, status.migrations[1].percent), (3, None));
    assert_eq!(status.migrations[1].direction, None);
    fresh.pass().await;
}

/// Of the fixture's process: two steps are done, and the third hangs.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_dead_holder_of_this_machine_is_said_to_be_dead() {
    let steps = || Migration::online_steps(1, "steps", |_| Box::pin(async { Ok(()) }));
    let fresh = TestDb::new("dead_holder").await;
    let exe = env!("CARGO_BIN_EXE_fixture");
    // Long enough for its lease to run until the end of the test.
    let (hang, lease) = (std::path::Path::new("1"), std::path::Path::new("600"));
    let env = [("FIXTURE_HANG", hang), ("FIXTURE_LEASE_S", lease)];
    let mut process = Fixture::start_with(exe, &fresh.uri, fresh.db.name(), "steps", &env);
    process.says("inside").await;
    let status = fresh.migrator([steps()]).status().await.unwrap();
    assert_eq!(status.migrations[0].state, State::Running);
    assert_eq!(status.migrations[0].finished_steps.len(), 2);
    assert!(status.lock.is_live(), "{status:#?}");
    assert_eq!(over_http(&fresh, [steps()]).await["lock"].get("dead"), None);

    process.signal("KILL");
    process.ended().await;
    let status = fresh.migrator([steps()]).status().await.unwrap();
    adds_up(&status);
    assert_eq!(status.migrations[0].state, State::Interrupted);
    assert_eq!(status.migrations[0].state_text(), "interrupted");
    assert!(status.lock.held && status.lock.dead && !status.lock.is_live(), "{status:#?}");
    let lock = fresh.migrator([steps()]).lock_status().await.unwrap();
    assert!(lock.dead, "{lock:?}");
    let answered = over_http(&fresh, [steps()]).await;
    assert_eq!(answered["lock"]["dead"], true);
    assert_eq!(answered["migrations"][0]["state"], "interrupted");

    // Of a process on another machine, that cannot be known.
    let control = fresh.db.collection::<Document>("migrations");
    let elsewhere = doc! { "$set": { "by.process": "00000000-0000-0000-0000-000000000000 1 2 3" } };
    control.update_one(doc! { "_id": "lock" }, elsewhere).await.unwrap();
    let status = fresh.migrator([steps()]).status().await.unwrap();
    assert!(status.lock.is_live(), "{status:#?}");
    assert_eq!(status.migrations[0].state, State::Running);
    // When its lease has run out, no process works on it, dead or not.
    let over = vec![doc! { "$set": { "expiresAt": { "$subtract": ["$$NOW", 1] } } }];
    control.update_one(doc! { "_id": "lock" }, over).await.unwrap();
    let status = fresh.migrator([steps()]).status().await.unwrap();
    assert!(!status.lock.held && !status.lock.dead, "{status:#?}");
    assert_eq!(status.migrations[0].state, State::Interrupted);
    fresh.pass().await;
}

/// A run that has taken the lock is not yet at what another run left half-done.
#[tokio::test]
async fn what_another_run_left_is_interrupted_until_it_is_resumed() {
    let fresh = TestDb::new("not_yet").await;
    let migrator = fresh.migrator([effect!(1)]);
    migrator.up().await.unwrap();
    let control = fresh.db.collection::<Document>("migrations");
    let lock = control.find_one(doc! { "_id": "lock" }).await.unwrap().unwrap();
    let fence = lock.get_i64("fence").unwrap();
    let held = vec![doc! { "$set": {
        "owner": "somebody", "expiresAt": { "$add": ["$$NOW", 600_000] },
        "by": { "host": "elsewhere", "pid": 1 },
    } }];
    control.update_one(doc! { "_id": "lock" }, held).await.unwrap();
    for (of_record, state) in [
        (fence, State::Running),
        // The run before that one.
        (fence - 1, State::Interrupted),
        // A run that took the lock after it was read.
        (fence + 1, State::Running),
    ] {
        let set = doc! { "$set": { "state": "running", "fence": of_record } };
        control.update_one(doc! { "_id": 1_i64 }, set).await.unwrap();
        let status = migrator.status().await.unwrap();
        assert_eq!(status.migrations[0].state, state, "{of_record} of {fence}");
        adds_up(&status);
    }
    fresh.pass().await;
}

const FAILS: Migration =
    Migration::transactional(4, "fails", |_| Box::pin(async { Err("the body says no".into()) }));

#[tokio::test]
async fn the_counts_of_a_status_add_up() {
    let fresh = TestDb::new("counts").await;
    let long_gone = fresh.migrator([effect!(1), effect!(2), effect!(3)]);
    long_gone.up().await.unwrap();
    long_gone.down().steps(2).await.unwrap();
    // 2 was rolled back, and is in no build any more; 3 is pending again.
    let list = || [effect!(1), effect!(3), FAILS, effect!(5)];
    let migrator = fresh.migrator(list());
    migrator.up().await.unwrap_err();
    let status = migrator.status().await.unwrap();
    adds_up(&status);
    let counts = (status.applied, status.failed, status.pending, status.orphaned);
    assert_eq!(counts, (2, 1, 1, 1), "{status:#?}");
    assert_eq!(status.unapplied(), 2, "what `up` applies: the failed one, too");
    let answered = over_http(&fresh, list()).await;
    let text = serde_json::to_value(&status).unwrap();
    for name in ["applied", "pending", "failed", "running", "interrupted", "orphaned"] {
        assert_eq!(answered[name], text[name], "{name}");
    }
    fresh.pass().await;
}
