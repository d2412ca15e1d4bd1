//! What the server and the network may do in between, made to happen (`failCommand`), and
//! what users do wrong.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use mongrate::{
    CancellationToken, Error, Migration, Migrator, Retries, State, Wait,
    bson::{Document, doc},
    embedded::Embedded,
    mongodb::{Client, options::ClientOptions},
};
use mongrate_tests::{
    TestDb, effect,
    effects::{assert_exactly_once, present, versions},
    on_servers,
};
use tokio::sync::Mutex;

/// There is one `failCommand` per server.
static TURN: Mutex<()> = Mutex::const_new(());

const THREE: [Migration; 3] = [effect!(1), effect!(2), effect!(3)];

/// Leaves effect 1, says that it is inside, and never ends.
macro_rules! hanging {
    ($inside:ident) => {
        Migration::transactional(1, "effect_1", |tx| {
            Box::pin(async move {
                mongrate_tests::effects::leave(tx, 1).await?;
                $inside.notify_one();
                std::future::pending::<()>().await;
                Ok(())
            })
        })
    };
}

#[tokio::test]
async fn every_command_may_fail_once_and_each_is_applied_once() {
    // Before the server executes it: an error that it sends, or a connection that breaks.
    // After: a write concern error.
    // With how many commands of its kind to let through first: not only the first one that
    // comes, but the guard, the release.
    let transient = |code: i32| {
        doc! {
            "errorCode": code, "errorLabels": ["TransientTransactionError"],
        }
    };
    let faults: [(&str, &[i32], Document); 11] = [
        ("find", &[0, 2], doc! { "closeConnection": true }),
        ("findAndModify", &[0], doc! { "closeConnection": true }),
        ("update", &[2], doc! { "closeConnection": true }),
        ("insert", &[0, 2], doc! { "closeConnection": true }),
        ("commitTransaction", &[2], doc! { "closeConnection": true }),
        ("findAndModify", &[0], doc! { "errorCode": 11_602 }),
        ("update", &[0, 1, 2], transient(112)),
        ("insert", &[0, 2], transient(112)),
        ("commitTransaction", &[0, 1, 2], transient(251)),
        ("commitTransaction", &[0, 1, 2], doc! { "errorCode": 50 }),
        (
            "commitTransaction",
            &[0, 2],
            doc! { "writeConcernError": { "code": 64, "errmsg": "waiting for replication timed out" } },
        ),
    ];
    let cases = faults
        .iter()
        .flat_map(|(command, skips, how)| skips.iter().map(move |skip| (*command, *skip, how)));
    // The slow ones come last.
    let cases = std::sync::Mutex::new(cases.rev());
    on_servers(2, async |uri| {
        while let Some((command, skip, how)) = { cases.lock().unwrap().next() } {
            let fresh = TestDb::on(uri, &format!("fault_{command}_{skip}")).await;
            let mut data = doc! { "failCommands": [command] };
            data.extend(how.clone());
            let point = fresh.fail(doc! { "skip": skip }, data).await;
            let migrator = fresh
                .migrator(THREE)
                .lease(Duration::from_secs(1))
                .retries(Retries::new().attempts_max(2).pause_max(Duration::from_millis(5)));
            // It fails from then on, until the fault is gone: whatever came of that …
            let _ = migrator.up().await;
            point.off().await;
            // … the next run ends with each exactly once.
            let end = migrator.up().await;
            end.unwrap_or_else(|error| panic!("{command} {how}: {error}"));
            assert_exactly_once(&fresh.db, 1..=3).await;
            fresh.pass().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_fault_that_passes_is_not_even_noticed() {
    let faults = [
        ("find", doc! { "closeConnection": true }),
        ("findAndModify", doc! { "errorCode": 91 }),
        ("update", doc! { "closeConnection": true }),
        ("insert", doc! { "closeConnection": true }),
        ("commitTransaction", doc! { "closeConnection": true }),
        ("commitTransaction", doc! { "writeConcernError": { "code": 64, "errmsg": "slow" } }),
        (
            "commitTransaction",
            doc! { "errorCode": 251, "errorLabels": ["TransientTransactionError"] },
        ),
    ];
    on_servers(1, async |uri| {
        for (command, how) in &faults {
            let fresh = TestDb::on(uri, "a_fault_that_passes").await;
            let mut data = doc! { "failCommands": [command] };
            data.extend(how.clone());
            let point = fresh.fail(doc! { "times": 2 }, data).await;
            let report = fresh.migrator(THREE).up().await;
            point.off().await;
            let report = report.unwrap_or_else(|error| panic!("{command} {how}: {error}"));
            assert_eq!(report.versions(), versions(1..=3), "{command} {how}");
            assert_exactly_once(&fresh.db, 1..=3).await;
            fresh.pass().await;
        }
    })
    .await;
}

/// An error type as users write them, whose `source()` leads past the driver's error.
#[derive(Debug)]
struct Transparent(mongrate::mongodb::error::Error);

impl std::fmt::Display for Transparent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Transparent {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

#[tokio::test]
async fn retries_work_through_the_users_own_error_types() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let _turn = TURN.lock().await;
    let wrapped = Migration::transactional(1, "wrapped", |tx| {
        Box::pin(async move {
            RUNS.fetch_add(1, Ordering::SeqCst);
            let mut effects = tx.collection::<Document>("effects");
            effects.insert_one(doc! { "version": 1_i64 }).await.map_err(Transparent)?;
            Ok(())
        })
    });
    let fresh = TestDb::new("own_error_types").await;
    let data = doc! {
        "failCommands": ["insert"], "errorCode": 112,
        "errorLabels": ["TransientTransactionError"],
    };
    let point = fresh.fail(doc! { "times": 2 }, data).await;
    let report = fresh.migrator([wrapped]).up().await;
    point.off().await;
    assert_eq!(report.unwrap().steps[0].attempts, 3);
    assert_eq!(RUNS.load(Ordering::SeqCst), 3);
    assert_eq!(present(&fresh.db).await, [1]);
    fresh.pass().await;
}

#[tokio::test]
async fn a_swallowed_error_is_found_and_named() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let swallows = Migration::transactional(1, "swallows", |tx| {
        Box::pin(async move {
            RUNS.fetch_add(1, Ordering::SeqCst);
            let mut users = tx.collection::<Document>("users");
            users.insert_one(doc! { "_id": "anna" }).await?;
            let _ = users.insert_one(doc! { "_id": "anna" }).await;
            Ok(())
        })
    });
    let fresh = TestDb::new("a_swallowed_error").await;
    let error = fresh.migrator([swallows]).up().await.unwrap_err();
    assert!(error.to_string().contains("swallowed"), "{error}");
    assert!(RUNS.load(Ordering::SeqCst) <= 3, "not over and over");
    fresh.pass().await;
}

#[tokio::test]
async fn a_duplicate_key_fails_once_and_its_value_is_not_stored() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let twice = Migration::transactional(1, "twice", |tx| {
        Box::pin(async move {
            RUNS.fetch_add(1, Ordering::SeqCst);
            let mut users = tx.collection::<Document>("users");
            users.insert_one(doc! { "_id": "canary@example.org" }).await?;
            users.insert_one(doc! { "_id": "canary@example.org" }).await?;
            Ok(())
        })
    });
    let fresh = TestDb::new("a_duplicate_key").await;
    let migrator = fresh.migrator([twice]);
    let error = migrator.up().await.unwrap_err();
    assert_eq!(RUNS.load(Ordering::SeqCst), 1, "no label, no retry");
    let failure = error.report().unwrap().steps[0].failure.clone().unwrap();
    assert_eq!(failure.code, Some(11_000));
    let status = migrator.status().await.unwrap();
    assert_eq!(status.migrations[0].state, State::Failed);
    for text in
        [error.to_string(), format!("{status:?}"), format!("{:?}", migrator.history().await)]
    {
        assert!(text.contains("E11000") && !text.contains("canary"), "{text}");
    }
    fresh.pass().await;
}

#[tokio::test]
async fn a_held_lock_is_waited_for_or_reported() {
    static GATE: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(0);
    static INSIDE: tokio::sync::Notify = tokio::sync::Notify::const_new();
    let gated = Migration::transactional(1, "effect_1", |tx| {
        Box::pin(async move {
            mongrate_tests::effects::leave(tx, 1).await?;
            INSIDE.notify_one();
            GATE.acquire().await?.forget();
            Ok(())
        })
    });
    let fresh = TestDb::new("a_held_lock").await;
    let holder = fresh.migrator([gated]).app("holder 1");
    let running = tokio::spawn({
        let holder = holder.clone();
        async move { holder.up().await }
    });
    INSIDE.notified().await;

    let impatient = fresh.migrator([effect!(1)]).wait(Wait::No);
    let error = impatient.up().await.unwrap_err();
    assert_eq!(error.kind().exit_code(), 75);
    for part in ["holder 1", "fence 1", "force-unlock 1"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let bounded = fresh.migrator([effect!(1)]).wait(Wait::AtMost(Duration::from_millis(200)));
    assert!(matches!(bounded.up().await, Err(Error::LockHeld { .. })));
    assert!(impatient.lock_status().await.unwrap().held);

    let patient = fresh.again().await;
    let waiting = tokio::spawn({
        let migrator = patient.migrator([effect!(1)]);
        async move { migrator.up().await }
    });
    tokio::task::yield_now().await;
    GATE.add_permits(1);
    assert_eq!(running.await.unwrap().unwrap().versions(), versions([1]));
    assert!(waiting.await.unwrap().unwrap().is_empty(), "it left as soon as nothing was pending");
    assert!(
        !patient.wire.take().iter().any(|name| name == "commitTransaction"),
        "a waiter does not run anything"
    );
    assert_exactly_once(&fresh.db, 1..=1).await;
    fresh.pass().await;
}

#[tokio::test]
async fn a_forced_unlock_stops_the_old_holder_for_good() {
    static INSIDE: tokio::sync::Notify = tokio::sync::Notify::const_new();
    let hangs = hanging!(INSIDE);
    let fresh = TestDb::new("a_forced_unlock").await;
    let lease = Duration::from_secs(6);
    let old = fresh.migrator([hangs]).lease(lease).wait(Wait::No);
    let running = tokio::spawn(async move { old.up().await });
    INSIDE.notified().await;

    let operator = fresh.migrator([effect!(1)]);
    let wrong = operator.force_unlock(7).await.unwrap_err();
    assert!(matches!(wrong, Error::FenceMismatch { .. }), "{wrong}");
    let unlocked = operator.force_unlock(1).await.unwrap();
    assert!(unlocked.was_live && unlocked.holder.is_some());
    assert_eq!(operator.up().await.unwrap().versions(), versions([1]));
    let stopped = running.await.unwrap().unwrap_err();
    assert!(matches!(stopped, Error::LockLost { .. }), "{stopped}");
    assert_exactly_once(&fresh.db, 1..=1).await;
    let events = operator.history().await.unwrap().events;
    assert!(events.iter().any(|event| event.event == "force_unlocked"), "it left an event");
    fresh.pass().await;
}

#[tokio::test]
async fn dropping_the_future_cancels_cleanly() {
    static INSIDE: tokio::sync::Notify = tokio::sync::Notify::const_new();
    let hangs = hanging!(INSIDE);
    let fresh = TestDb::new("dropping_the_future").await;
    let migrator = fresh.migrator([hangs]);
    let running = tokio::spawn(async move { migrator.up().await });
    INSIDE.notified().await;
    running.abort();
    // The lease is 30 s: only a released lock lets this one in.
    let next = fresh.migrator([effect!(1)]);
    let report = tokio::time::timeout(Duration::from_secs(20), next.up()).await;
    assert_eq!(report.expect("in before the lease ends").unwrap().versions(), versions([1]));
    assert_exactly_once(&fresh.db, 1..=1).await;
    fresh.pass().await;
}

#[tokio::test]
async fn cancelling_before_anything_runs_runs_nothing() {
    let fresh = TestDb::new("cancelling_before").await;
    let token = CancellationToken::new();
    token.cancel();
    let error = fresh.migrator(THREE).cancel_on(token).up().await.unwrap_err();
    assert_eq!(error.kind().exit_code(), 130);
    assert!(fresh.wire.take().is_empty());
    fresh.pass().await;
}

#[tokio::test]
async fn a_standalone_is_refused_before_a_write() {
    let standalone = Embedded::builder().standalone().start().await.unwrap();
    let fresh = TestDb::on(standalone.uri(), "a_standalone").await;
    let migrator = fresh.migrator(THREE);
    for error in [
        migrator.up().await.unwrap_err(),
        migrator.status().await.unwrap_err(),
        migrator.on_start().await.unwrap_err(),
        migrator.baseline(1).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Standalone), "{error}");
        assert!(error.to_string().contains("--replSet"), "{error}");
    }
    assert!(
        fresh
            .wire
            .take()
            .iter()
            .all(|name| ["find", "hello", "buildInfo"].contains(&name.as_str()))
    );
    assert!(fresh.db.list_collection_names().await.unwrap().is_empty());
    drop(fresh);
    standalone.stop().await;
}

#[tokio::test]
async fn a_server_out_of_reach_is_a_clear_error_without_the_password() {
    let uri = "mongodb://anna:canary-pa55@127.0.0.1:9/?serverSelectionTimeoutMS=300";
    let options = ClientOptions::parse(uri).await.unwrap();
    let db = Client::with_options(options).unwrap().database("nowhere");
    let error = Migrator::with(&db, THREE).retries(Retries::new().attempts_max(1));
    let error = error.up().await.unwrap_err();
    assert_eq!(error.kind().exit_code(), 69);
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("canary"), "{text}");
    }
    assert!(error.to_string().contains("127.0.0.1:9: I/O error: Connection refused"), "{error}");
}

#[tokio::test]
async fn cancelling_does_not_wait_for_a_server_that_is_out_of_reach() {
    let options = ClientOptions::parse("mongodb://127.0.0.1:9/").await.unwrap();
    let db = Client::with_options(options).unwrap().database("nowhere");
    let token = CancellationToken::new();
    let migrator = Migrator::with(&db, THREE).cancel_on(token.clone());
    let running = tokio::spawn(async move { migrator.up().await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    token.cancel();
    // The driver looks for a server for 30 s.
    let ended = tokio::time::timeout(Duration::from_secs(10), running).await;
    assert!(matches!(ended.unwrap().unwrap(), Err(Error::Cancelled { .. })));
}

#[tokio::test]
async fn missing_privileges_are_named() {
    let fresh = TestDb::new("missing_privileges").await;
    let _turn = TURN.lock().await;
    let data = doc! { "failCommands": ["findAndModify"], "errorCode": 13 };
    let point = fresh.fail(doc! { "times": 1 }, data).await;
    let error = fresh.migrator(THREE).up().await.unwrap_err();
    point.off().await;
    assert!(matches!(error, Error::Unauthorized { .. }), "{error}");
    assert!(error.to_string().contains("`find`, `insert` and `update`"), "{error}");
    assert_eq!(error.kind().exit_code(), 77);
    fresh.pass().await;
}

#[tokio::test]
async fn a_migration_longer_than_the_lease_keeps_it() {
    static INSIDE: tokio::sync::Notify = tokio::sync::Notify::const_new();
    let slow = Migration::transactional(1, "effect_1", |tx| {
        Box::pin(async move {
            mongrate_tests::effects::leave(tx, 1).await?;
            INSIDE.notify_one();
            tokio::time::sleep(Duration::from_millis(3_500)).await;
            Ok(())
        })
    });
    let fresh = TestDb::new("longer_than_the_lease").await;
    let lease = Duration::from_secs(1);
    let first = fresh.migrator([slow]).lease(lease);
    let running = tokio::spawn(async move { first.up().await });
    INSIDE.notified().await;
    let second = fresh.migrator([effect!(1)]).lease(lease).up().await.unwrap();
    assert!(second.is_empty(), "it waited to the end");
    let report = running.await.unwrap().unwrap();
    assert_eq!((report.fence, report.steps[0].attempts), (Some(1), 1));
    assert_eq!(fresh.migrator([effect!(1)]).lock_status().await.unwrap().fence, 1);
    assert_exactly_once(&fresh.db, 1..=1).await;
    fresh.pass().await;
}

/// The schedule that only the fence can stop: the old owner was replaced, its lease seems to
/// run for a long time still, and no heartbeat has told it yet.
#[tokio::test]
async fn an_old_owner_that_does_not_know_cannot_commit() {
    static INSIDE: tokio::sync::Notify = tokio::sync::Notify::const_new();
    static GATE: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(0);
    async fn pause() {
        INSIDE.notify_one();
        GATE.acquire().await.expect("never closed").forget();
    }
    // With its transaction open; between two transactions; in the transaction of a step.
    let open = Migration::transactional(1, "effect_1", |tx| {
        Box::pin(async move {
            mongrate_tests::effects::leave(tx, 1).await?;
            pause().await;
            mongrate_tests::effects::leave(tx, 101).await
        })
    });
    let between = Migration::online_steps(1, "effect_1", |on| {
        Box::pin(async move {
            pause().await;
            on.transaction("one", async |tx| mongrate_tests::effects::leave(tx, 1).await).await
        })
    });
    // (The guard of a step leaves the digest as it is: only the counter makes it a write.)
    let in_step = Migration::online_steps(1, "effect_1", |on| {
        Box::pin(async move {
            on.transaction("one", async |tx| {
                mongrate_tests::effects::leave(tx, 1).await?;
                pause().await;
                Ok(())
            })
            .await
        })
    });
    for (at, stale) in [open, between, in_step].into_iter().enumerate() {
        let fresh = TestDb::new(&format!("an_old_owner_{at}")).await;
        let old = fresh.migrator([stale]).lease(Duration::from_secs(600)).wait(Wait::No);
        let running = tokio::spawn(async move { old.up().await });
        INSIDE.notified().await;
        let new = fresh.again().await;
        let migrator = new.migrator([effect!(1)]);
        migrator.force_unlock(1).await.unwrap();
        assert_eq!(migrator.up().await.unwrap().versions(), versions([1]));
        GATE.add_permits(2);
        let stopped = running.await.unwrap().unwrap_err();
        assert!(matches!(stopped, Error::LockLost { .. }), "{stopped}");
        assert_exactly_once(&fresh.db, 1..=1).await;
        GATE.forget_permits(2);
        fresh.pass().await;
    }
}

#[tokio::test]
async fn cancelling_before_an_online_migration_begins_leaves_a_history_that_can_be_read() {
    static INSIDE: tokio::sync::Notify = tokio::sync::Notify::const_new();
    static GATE: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(0);
    let first = Migration::transactional(1, "effect_1", |tx| {
        Box::pin(async move { mongrate_tests::effects::leave(tx, 1).await })
    });
    let online = Migration::online_steps(2, "online", |on| {
        Box::pin(async move {
            on.create_index("things", doc! { "a": 1 }).await?;
            INSIDE.notify_one();
            GATE.acquire().await?.forget();
            Ok(())
        })
    });
    // In the body; and before it, while its first guard is on the wire (the commit of the
    // one before is made to take a while).
    for (at, mid_body) in [true, false].into_iter().enumerate() {
        let _turn = TURN.lock().await;
        let fresh = TestDb::new(&format!("cancelling_online_{at}")).await;
        let token = CancellationToken::new();
        let migrator = fresh.migrator([first, online]).cancel_on(token.clone());
        let slow = doc! {
            "failCommands": ["commitTransaction"], "blockConnection": true, "blockTimeMS": 400,
        };
        let point = fresh.fail(doc! { "times": 1 }, slow).await;
        let running = tokio::spawn(async move { migrator.up().await });
        if mid_body {
            INSIDE.notified().await;
        } else {
            while !fresh.wire.take().iter().any(|command| command == "commitTransaction") {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        token.cancel();
        let ended = running.await.unwrap();
        point.off().await;
        assert!(matches!(ended, Err(Error::Cancelled { .. })), "{ended:?}");
        let status = fresh.migrator([first, online]).status().await.unwrap();
        let state = if mid_body { State::Interrupted } else { State::Pending };
        assert_eq!(status.migrations[1].state, state);
        assert_eq!(status.migrations[0].state, State::Applied, "what was committed counts");
        GATE.add_permits(1);
        let next = fresh.migrator([first, online]).up().await.unwrap();
        assert_eq!(next.versions(), versions([2]));
        fresh.pass().await;
    }
}

#[tokio::test]
async fn a_step_whose_future_was_dropped_is_not_taken_for_done() {
    async fn dropped(on: &mut mongrate::Online<'_>) {
        let first = on.transaction("a", async |tx| mongrate_tests::effects::leave(tx, 1).await);
        let _ = tokio::time::timeout(Duration::from_millis(300), first).await;
    }
    // Another step follows; the complaint of that step is swallowed; nothing follows at all.
    let followed = Migration::online_steps(1, "impatient", |on| {
        Box::pin(async move {
            dropped(on).await;
            on.transaction("b", async |tx| mongrate_tests::effects::leave(tx, 2).await).await
        })
    });
    let swallowed = Migration::online_steps(1, "impatient", |on| {
        Box::pin(async move {
            dropped(on).await;
            let b = on.transaction("b", async |tx| mongrate_tests::effects::leave(tx, 2).await);
            let _ = b.await;
            Ok(())
        })
    });
    let last = Migration::online_steps(1, "impatient", |on| {
        Box::pin(async move {
            dropped(on).await;
            Ok(())
        })
    });
    let cases: [(Migration, &[i64]); 3] = [(followed, &[1, 2]), (swallowed, &[1, 2]), (last, &[1])];
    for (at, (impatient, all)) in cases.into_iter().enumerate() {
        let _turn = TURN.lock().await;
        // The commit of step `a`, the second of the run, is held up.
        let fresh = TestDb::new(&format!("a_step_dropped_{at}")).await;
        let slow = doc! {
            "failCommands": ["commitTransaction"], "blockConnection": true, "blockTimeMS": 1_000,
        };
        let point = fresh.fail(doc! { "skip": 1 }, slow).await;
        let migrator = fresh.migrator([impatient]).lease(Duration::from_secs(60));
        let ended = tokio::time::timeout(Duration::from_secs(30), migrator.up()).await.unwrap();
        point.off().await;
        let error = ended.unwrap_err();
        assert!(error.to_string().contains("dropped before it had ended"), "{at}: {error}");
        assert_ne!(migrator.status().await.unwrap().migrations[0].state, State::Applied);
        // The next attempt finds out which of them are done, and does the rest.
        migrator.up().await.unwrap();
        assert_eq!(present(&fresh.db).await, all);
        fresh.pass().await;
    }
}

#[tokio::test]
async fn a_lost_reply_to_the_commit_and_a_cancellation_at_once() {
    let _turn = TURN.lock().await;
    let fresh = TestDb::new("a_lost_reply").await;
    let token = CancellationToken::new();
    let migrator = fresh.migrator(THREE).cancel_on(token.clone());
    // Executed, but reported as not yet replicated, for as long as it takes.
    let unclear = doc! {
        "failCommands": ["commitTransaction"],
        "writeConcernError": { "code": 64, "errmsg": "waiting for replication timed out" },
    };
    let point = fresh.fail(doc! { "times": 6 }, unclear).await;
    let running = tokio::spawn(async move { migrator.up().await });
    tokio::time::sleep(Duration::from_millis(60)).await;
    token.cancel();
    let ended = running.await.unwrap();
    point.off().await;
    let reported = match &ended {
        Ok(report) => report.versions(),
        Err(error) => error.report().map(|report| report.versions()).unwrap_or_default(),
    };
    let status = fresh.migrator(THREE).status().await.unwrap();
    let applied: Vec<_> = status
        .migrations
        .iter()
        .filter(|migration| migration.state == State::Applied)
        .map(|migration| migration.version)
        .collect();
    assert_eq!(reported, applied, "the report says what the database says: {ended:?}");
    fresh.migrator(THREE).up().await.unwrap();
    assert_exactly_once(&fresh.db, 1..=3).await;
    fresh.pass().await;
}
