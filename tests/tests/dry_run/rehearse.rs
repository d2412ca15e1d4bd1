//! The dry run in a transaction that is aborted.

use std::{
    future::IntoFuture as _,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mongrate::{
    CancellationToken, CommandReport, Direction, DryRunOutcome, Error, Migration, Retries,
    bson::{Document, doc},
};
use mongrate_tests::{
    TestDb, effect,
    effects::{leave, versions},
    whole::{self, open_transactions, sent_to, sessions},
};
use tokio::sync::Notify;

const USERS: Migration = Migration::transactional(10, "users", |tx| {
    Box::pin(async move {
        let mut users = tx.collection::<Document>("users");
        users
            .update_many(doc! { "age": { "$lt": 30 } }, doc! { "$set": { "young": true } })
            .await?;
        users.delete_many(doc! { "age": { "$gte": 48 } }).await?;
        users.update_one(doc! { "_id": "new" }, doc! { "$set": { "age": 1 } }).upsert(true).await?;
        users.insert_many([3, 4, 5].map(|n| doc! { "age": n, "email": n.to_string() })).await?;
        users.find_one_and_delete(doc! { "_id": "new" }).await?;
        Ok(())
    })
});

fn failing(version: i64, panics: bool) -> Migration {
    match panics {
        false => Migration::transactional(version, "fails", |tx| {
            Box::pin(async move {
                leave(tx, 99).await?;
                Err("the body says no".into())
            })
        }),
        true => Migration::transactional(version, "panics", |tx| {
            Box::pin(async move {
                leave(tx, 99).await?;
                assert_eq!(1, 2, "the body panics");
                Ok(())
            })
        }),
    }
}

/// Data, indexes, a validator, a view, and a history of two.
async fn filled(fresh: &TestDb) {
    let users =
        (0..50_i32).map(|n| doc! { "_id": n, "age": n, "email": format!("{n}@example.org") });
    fresh.db.collection::<Document>("users").insert_many(users).await.unwrap();
    let index = doc! { "key": { "email": 1 }, "name": "email_1", "unique": true };
    fresh.db.run_command(doc! { "createIndexes": "users", "indexes": [index] }).await.unwrap();
    let validator = doc! { "collMod": "users", "validator": { "age": { "$gte": 0 } } };
    fresh.db.run_command(validator).await.unwrap();
    let view = doc! { "create": "young", "viewOn": "users", "pipeline": [] };
    fresh.db.run_command(view).await.unwrap();
    fresh.migrator([effect!(1), effect!(2)]).up().await.unwrap();
    fresh.wire.take();
}

fn line(command: &CommandReport) -> (&str, &str, [Option<u64>; 6]) {
    let collection = command.namespace.split_once('.').map_or("", |(_, name)| name);
    (
        &command.command,
        collection,
        [
            command.matched,
            command.modified,
            command.inserted,
            command.upserted,
            command.deleted,
            command.returned,
        ],
    )
}

/// Only reads of the lock, the fence and the history; and no commit of anything.
fn assert_untouched(sent: &[(String, Document)]) {
    let to_control = sent_to(sent, "migrations");
    assert!(to_control.iter().all(|name| name == "find"), "{to_control:?}");
    assert!(!sent.iter().any(|(name, _)| name == "commitTransaction"), "{sent:?}");
}

#[tokio::test]
async fn it_runs_and_leaves_nothing() {
    let (fresh, observer) = TestDb::observed("it_runs").await;
    filled(&fresh).await;
    let before = whole::of(&fresh.db).await;
    let list = [effect!(1), effect!(2), effect!(3), effect!(4), USERS];
    let migrator = fresh.migrator(list).observer(&observer);
    fresh.wire.take();
    let report = migrator.up().dry_run().await.unwrap();
    let sent = fresh.wire.take_full();
    assert!(report.is_ok() && report.observed, "{report:?}");
    let ran: Vec<i64> = report.ran().map(|step| step.planned.version.get()).collect();
    assert_eq!(ran, [3, 4, 10]);

    // The third saw the effects of two, the fourth that of the third, too.
    for (step, seen) in report.steps.iter().zip([2, 3]) {
        let commands: Vec<_> = step.commands.iter().map(line).collect();
        assert_eq!(
            commands,
            [
                ("distinct", "effects", [None, None, None, None, None, Some(seen)]),
                ("insert", "effects", [None, None, Some(1), None, None, None]),
            ]
        );
    }
    let commands: Vec<_> = report.steps[2].commands.iter().map(line).collect();
    assert_eq!(
        commands,
        [
            ("update", "users", [Some(30), Some(30), None, None, None, None]),
            ("delete", "users", [None, None, None, None, Some(2), None]),
            ("update", "users", [Some(0), Some(0), None, Some(1), None, None]),
            ("insert", "users", [None, None, Some(3), None, None, None]),
            ("findAndModify", "users", [None, None, None, None, Some(1), Some(1)]),
        ]
    );
    let text = format!("{report:?}");
    assert!(!text.contains("example.org"), "no contents: {text}");

    assert_untouched(&sent);
    assert_eq!(sent.iter().filter(|(name, _)| name == "abortTransaction").count(), 1);
    assert_eq!(open_transactions(&fresh.db, &sessions(&sent)).await, 0);
    assert_eq!(whole::of(&fresh.db).await, before);
    assert_eq!(migrator.up().await.unwrap().versions(), versions([3, 4, 10]), "and now for real");
    fresh.pass().await;
}

#[tokio::test]
async fn a_failure_or_a_panic_leaves_nothing_either() {
    for panics in [false, true] {
        let (fresh, observer) = TestDb::observed("a_failure").await;
        filled(&fresh).await;
        let before = whole::of(&fresh.db).await;
        let list = [effect!(1), effect!(2), effect!(3), failing(4, panics), effect!(5)];
        let migrator = fresh.migrator(list).observer(&observer);
        fresh.wire.take();
        let report = migrator.up().dry_run().await.unwrap();
        let sent = fresh.wire.take_full();
        let outcomes: Vec<_> = report.steps.iter().map(|step| step.outcome).collect();
        let expected = [DryRunOutcome::Ran, DryRunOutcome::Failed, DryRunOutcome::NotRun];
        assert_eq!(outcomes, expected);
        assert!(!report.is_ok());
        let said = report.steps[1].failure.clone().unwrap().message;
        assert!(
            said.contains(if panics { "the body panics" } else { "the body says no" }),
            "{said}"
        );
        assert_eq!(report.steps[1].commands.len(), 2, "what it did before");
        assert_untouched(&sent);
        assert_eq!(open_transactions(&fresh.db, &sessions(&sent)).await, 0);
        assert_eq!(whole::of(&fresh.db).await, before);
        fresh.pass().await;
    }
}

#[tokio::test]
async fn a_swallowed_error_is_found() {
    let swallows = Migration::transactional(1, "swallows", |tx| {
        Box::pin(async move {
            let mut users = tx.collection::<Document>("users");
            users.insert_one(doc! { "_id": "anna" }).await?;
            let _ = users.insert_one(doc! { "_id": "anna" }).await;
            Ok(())
        })
    });
    let (fresh, observer) = TestDb::observed("swallowed").await;
    let migrator = fresh.migrator([swallows, effect!(2)]).observer(&observer);
    let report = migrator.up().dry_run().await.unwrap();
    assert_eq!(report.steps[0].outcome, DryRunOutcome::Failed);
    assert_eq!(report.steps[1].outcome, DryRunOutcome::NotRun);
    let said = report.steps[0].failure.clone().unwrap().message;
    assert!(said.contains("swallowed"), "{said}");
    let failed: Vec<_> =
        report.steps[0].commands.iter().map(|command| command.failed.clone()).collect();
    assert_eq!(failed, [None, Some("code 11000".to_owned())]);
    fresh.pass().await;
}

#[tokio::test]
async fn a_body_that_commits_by_itself_is_named() {
    for commits in [true, false] {
        let ends = match commits {
            true => Migration::transactional(1, "commits", |tx| {
                Box::pin(async move {
                    leave(tx, 1).await?;
                    tx.session().commit_transaction().await?;
                    Ok(())
                })
            }),
            false => Migration::transactional(1, "aborts", |tx| {
                Box::pin(async move {
                    leave(tx, 1).await?;
                    tx.session().abort_transaction().await?;
                    Ok(())
                })
            }),
        };
        let fresh = TestDb::new("commits_itself").await;
        let report = fresh.migrator([ends, effect!(2)]).up().dry_run().await.unwrap();
        let said = report.steps[0].failure.clone().unwrap().message;
        assert!(said.contains("committed or aborted the transaction itself"), "{said}");
        assert_eq!(report.steps[1].outcome, DryRunOutcome::NotRun);
        fresh.pass().await;
    }
}

/// Waits until no transaction is open in the sessions of what was sent.
async fn until_closed(fresh: &TestDb, sent: &[(String, Document)]) {
    let sessions = sessions(sent);
    assert!(!sessions.is_empty());
    while open_transactions(&fresh.db, &sessions).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn cancelled_or_dropped_it_leaves_nothing_open() {
    static INSIDE: Notify = Notify::const_new();
    let hangs = Migration::transactional(3, "hangs", |tx| {
        Box::pin(async move {
            leave(tx, 3).await?;
            INSIDE.notify_one();
            std::future::pending::<()>().await;
            Ok(())
        })
    });
    for dropped in [false, true] {
        let (fresh, observer) = TestDb::observed("cancelled").await;
        filled(&fresh).await;
        let before = whole::of(&fresh.db).await;
        let token = CancellationToken::new();
        let list = [effect!(1), effect!(2), hangs];
        let migrator = fresh.migrator(list).observer(&observer).cancel_on(token.clone());
        fresh.wire.take();
        let trying = tokio::spawn(async move { migrator.up().dry_run().await });
        INSIDE.notified().await;
        let sent = fresh.wire.take_full();
        assert_eq!(open_transactions(&fresh.db, &sessions(&sent)).await, 1, "it is at work");
        if dropped {
            trying.abort();
            until_closed(&fresh, &sent).await;
        } else {
            token.cancel();
            let error = trying.await.unwrap().unwrap_err();
            assert!(matches!(error, Error::Cancelled { .. }), "{error}");
            assert_eq!(open_transactions(&fresh.db, &sessions(&sent)).await, 0, "it waited");
        }
        let mut sent = sent;
        sent.extend(fresh.wire.take_full());
        assert_untouched(&sent);
        assert_eq!(whole::of(&fresh.db).await, before);
        fresh.pass().await;
    }
}

#[tokio::test]
async fn its_time_is_bounded() {
    let hangs = Migration::transactional(1, "hangs", |tx| {
        Box::pin(async move {
            leave(tx, 1).await?;
            std::future::pending::<()>().await;
            Ok(())
        })
    });
    let fresh = TestDb::new("bounded").await;
    let migrator = fresh.migrator([hangs, effect!(2)]);
    let report = migrator.up().dry_run().timeout(Duration::from_secs(1)).await.unwrap();
    let sent = fresh.wire.take_full();
    let outcomes: Vec<_> = report.steps.iter().map(|step| step.outcome).collect();
    assert_eq!(outcomes, [DryRunOutcome::TimedOut, DryRunOutcome::NotRun]);
    let said = report.steps[0].failure.clone().unwrap().message;
    assert!(said.contains("1s") && said.contains("--timeout"), "{said}");
    assert_eq!(open_transactions(&fresh.db, &sessions(&sent)).await, 0);
    for timeout in [Duration::ZERO, Duration::from_secs(3_601)] {
        let refused = migrator.up().dry_run().timeout(timeout).await;
        assert!(matches!(refused, Err(Error::Settings { setting: "timeout", .. })), "{refused:?}");
    }
    fresh.pass().await;
}

#[tokio::test]
async fn an_operation_that_is_at_work_is_ended_with_it() {
    let slow = Migration::transactional(1, "slow", |tx| {
        Box::pin(async move {
            leave(tx, 1).await?;
            let sleeps = doc! { "$expr": { "$function": {
                "body": "function() { sleep(300000); return true; }", "args": [], "lang": "js",
            } } };
            tx.collection::<Document>("effects")
                .update_many(sleeps, doc! { "$set": { "a": 1 } })
                .await?;
            Ok(())
        })
    });
    let fresh = TestDb::new("at_work").await;
    let migrator = fresh.migrator([slow]);
    let report = migrator.up().dry_run().timeout(Duration::from_secs(2)).await.unwrap();
    assert_eq!(report.steps[0].outcome, DryRunOutcome::TimedOut, "{report:?}");
    let sent = fresh.wire.take_full();
    until_closed(&fresh, &sent).await;
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_blocks_its_thread_keeps_no_locks() {
    static BLOCKED: Notify = Notify::const_new();
    static GATE: Mutex<()> = Mutex::new(());
    let blocks = Migration::transactional(1, "blocks", |tx| {
        Box::pin(async move {
            leave(tx, 1).await?;
            BLOCKED.notify_one();
            drop(GATE.lock().unwrap());
            Ok(())
        })
    });
    let fresh = TestDb::new("blocks").await;
    let migrator = fresh.migrator([blocks]);
    let trying;
    {
        let (send, closed) = std::sync::mpsc::channel::<()>();
        let held = std::thread::spawn(move || {
            let _held = GATE.lock().unwrap();
            let _ = closed.recv();
        });
        trying = tokio::spawn(async move {
            migrator.up().dry_run().timeout(Duration::from_millis(300)).await
        });
        BLOCKED.notified().await;
        until_closed(&fresh, &fresh.wire.take_full()).await;
        send.send(()).unwrap();
        held.join().unwrap();
    }
    let report = trying.await.unwrap().unwrap();
    assert!(!report.is_ok(), "{report:?}");
    fresh.pass().await;
}

#[tokio::test]
async fn a_conflict_with_a_live_app_is_waited_out_or_named() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let writes = Migration::transactional(1, "writes", |tx| {
        Box::pin(async move {
            RUNS.fetch_add(1, Ordering::SeqCst);
            let mut users = tx.collection::<Document>("users");
            users.update_one(doc! { "_id": 1 }, doc! { "$inc": { "n": 1 } }).await?;
            Ok(())
        })
    });
    let fresh = TestDb::new("a_conflict").await;
    let users = fresh.db.collection::<Document>("users");
    users.insert_one(doc! { "_id": 1, "n": 0 }).await.unwrap();
    let mut app = fresh.db.client().start_session().await.unwrap();
    app.start_transaction().await.unwrap();
    let busy = doc! { "$inc": { "n": 10 } };
    users.update_one(doc! { "_id": 1 }, busy).session(&mut app).await.unwrap();

    let few = Retries::new().attempts_max(2).pause_max(Duration::from_millis(5));
    let report = fresh.migrator([writes]).retries(few).up().dry_run().await.unwrap();
    assert_eq!(report.steps[0].outcome, DryRunOutcome::Conflict);
    assert_eq!(report.attempts, 2);
    assert_eq!(report.steps[0].failure.clone().unwrap().code, Some(112));

    let many = Retries::new().attempts_max(1_000).pause_max(Duration::from_millis(20));
    let migrator = fresh.migrator([writes]).retries(many);
    let before = RUNS.load(Ordering::SeqCst);
    let trying = tokio::spawn(async move { migrator.up().dry_run().await });
    while RUNS.load(Ordering::SeqCst) < before + 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    app.commit_transaction().await.unwrap();
    let report = trying.await.unwrap().unwrap();
    assert_eq!(report.steps[0].outcome, DryRunOutcome::Ran);
    assert!(report.attempts > 1, "{report:?}");
    let found = users.find_one(doc! { "_id": 1 }).await.unwrap().unwrap();
    assert_eq!(found.get_i32("n").unwrap(), 10, "the app's write, and none of the dry run's");
    // The client waits for its sessions to end.
    drop(app);
    fresh.pass().await;
}

#[tokio::test]
async fn without_an_observer_it_says_so() {
    let fresh = TestDb::new("no_observer").await;
    let report = fresh.migrator([effect!(1)]).up().dry_run().await.unwrap();
    assert!(report.is_ok() && !report.observed);
    assert!(report.steps[0].commands.is_empty());
    // Neither does one that is not installed.
    let stray = mongrate::Observer::new();
    let report = fresh.migrator([effect!(1)]).observer(&stray).up().dry_run().await.unwrap();
    assert!(report.is_ok() && !report.observed);
    fresh.pass().await;
}

#[tokio::test]
async fn an_online_migration_is_not_run() {
    let online = Migration::online_steps(2, "online", |on| {
        Box::pin(async move {
            on.create_collection("must_not_be_there", doc! {}).await?;
            Ok(())
        })
    });
    let (fresh, observer) = TestDb::observed("online_not_run").await;
    let list = [effect!(1), online, effect!(3)];
    let report = fresh.migrator(list).observer(&observer).up().dry_run().await.unwrap();
    let outcomes: Vec<_> = report.steps.iter().map(|step| step.outcome).collect();
    let (ran, skipped) = (DryRunOutcome::Ran, DryRunOutcome::Skipped);
    assert_eq!(outcomes, [ran, skipped, ran]);
    assert!(report.is_ok());

    fresh.wire.take();
    let report = fresh.migrator([online]).up().dry_run().await.unwrap();
    assert_eq!(report.steps[0].outcome, skipped);
    assert_eq!(fresh.wire.take(), ["find", "find"], "not even a transaction");
    assert_eq!(fresh.db.list_collection_names().await.unwrap(), [""; 0]);
    fresh.pass().await;
}

#[tokio::test]
async fn a_rollback_and_a_redo_are_tried_too() {
    let (fresh, observer) = TestDb::observed("rollback_tried").await;
    let migrator = fresh.migrator([effect!(1), effect!(2), effect!(3)]).observer(&observer);
    migrator.up().await.unwrap();
    let before = whole::of(&fresh.db).await;
    fresh.wire.take();

    let down = migrator.down().all().dry_run().await.unwrap();
    let went: Vec<_> =
        down.ran().map(|step| (step.planned.version.get(), step.planned.direction)).collect();
    assert_eq!(went, [(3, Direction::Down), (2, Direction::Down), (1, Direction::Down)]);
    assert!(down.steps.iter().all(|step| step.commands[0].deleted == Some(1)), "{down:?}");

    let redo = migrator.redo().dry_run().await.unwrap();
    let went: Vec<_> =
        redo.ran().map(|step| (step.planned.version.get(), step.planned.direction)).collect();
    assert_eq!(went, [(3, Direction::Down), (3, Direction::Up)]);

    assert_untouched(&fresh.wire.take_full());
    assert_eq!(whole::of(&fresh.db).await, before);

    fresh.wire.take();
    assert!(migrator.up().dry_run().await.unwrap().steps.is_empty());
    assert_eq!(fresh.wire.take(), ["find", "find"], "nothing pending, nothing tried");
    fresh.pass().await;
}

#[tokio::test]
async fn it_refuses_what_a_run_refuses() {
    let fresh = TestDb::new("refuses").await;
    fresh.migrator([effect!(1).with_checksum("v1:one"), effect!(3)]).up().await.unwrap();
    let edited = fresh.migrator([effect!(1).with_checksum("v1:two"), effect!(3)]);
    let error = edited.up().dry_run().await.unwrap_err();
    assert!(matches!(error, Error::Drift(_)), "{error}");
    let late = fresh.migrator([effect!(1).with_checksum("v1:one"), effect!(2), effect!(3)]);
    let error = late.up().dry_run().await.unwrap_err();
    assert!(matches!(error, Error::OutOfOrder { .. }), "{error}");
    fresh.pass().await;
}

#[tokio::test]
async fn two_at_the_same_time_do_not_see_each_other() {
    static BOTH: std::sync::LazyLock<tokio::sync::Barrier> =
        std::sync::LazyLock::new(|| tokio::sync::Barrier::new(2));
    macro_rules! meets {
        ($version:literal, $collection:literal) => {
            Migration::transactional($version, concat!("meets_", $collection), |tx| {
                Box::pin(async move {
                    BOTH.wait().await;
                    let mut mine = tx.collection::<Document>($collection);
                    mine.insert_one(doc! {}).await?;
                    BOTH.wait().await;
                    Ok(())
                })
            })
        };
    }
    let (fresh, observer) = TestDb::observed("two_at_once").await;
    for name in ["one", "two"] {
        fresh.db.create_collection(name).await.unwrap();
    }
    let one = fresh.migrator([meets!(1, "one")]).observer(&observer);
    let two = fresh.migrator([meets!(1, "two")]).observer(&observer);
    let (one, two) =
        tokio::join!(one.up().dry_run().into_future(), two.up().dry_run().into_future());
    for (report, name) in [(one.unwrap(), "one"), (two.unwrap(), "two")] {
        let commands: Vec<_> = report.steps[0].commands.iter().map(line).collect();
        assert_eq!(commands, [("insert", name, [None, None, Some(1), None, None, None])]);
    }
    fresh.pass().await;
}

#[tokio::test]
async fn a_declared_migration_shows_its_operations_and_is_not_run() {
    let declared = Migration::declared(3, "declared", |change| {
        change.rename_field("users", "age", "years");
        change.create_index("users", doc! { "years": 1 });
    });
    let (fresh, observer) = TestDb::observed("declared_shown").await;
    filled(&fresh).await;
    let before = whole::of(&fresh.db).await;
    let list = [effect!(1), effect!(2), declared, effect!(4)];
    let report = fresh.migrator(list).observer(&observer).up().dry_run().await.unwrap();
    let step = &report.steps[0];
    assert_eq!(step.outcome, DryRunOutcome::Skipped);
    let shown: Vec<_> = step
        .planned
        .operations
        .iter()
        .map(|operation| (operation.collection.clone(), operation.documents))
        .collect();
    assert_eq!(shown, [(Some("users".to_owned()), Some(50)), (None, None)]);
    assert!(step.planned.operations[0].operation.contains("rename field `age`"), "{step:?}");
    assert_eq!(report.steps[1].outcome, DryRunOutcome::Ran);
    assert_eq!(whole::of(&fresh.db).await, before);
    fresh.pass().await;
}
