//! `up --atomic`: all, or nothing.

use std::{sync::Mutex, time::Duration};

use mongrate::{
    CancellationToken, Error, Migration, Retries, State, StepOutcome,
    bson::{Document, doc},
    embedded::Embedded,
};
use mongrate_tests::{
    TestDb, effect,
    effects::{TWENTY, assert_exactly_once, leave, present, versions},
    on_servers,
    whole::{open_transactions, sessions},
};
use tokio::sync::{Notify, Semaphore};

const FOUR: [Migration; 4] = [effect!(1), effect!(2), effect!(3), effect!(4)];

const FAILS: Migration = Migration::transactional(3, "fails", |tx| {
    Box::pin(async move {
        leave(tx, 99).await?;
        Err("the body says no".into())
    })
});

fn outcomes(report: &mongrate::RunReport) -> Vec<StepOutcome> {
    report.steps.iter().map(|step| step.outcome).collect()
}

#[tokio::test]
async fn it_costs_five_and_two_and_their_own() {
    for m in [1, 2, 20] {
        let fresh = TestDb::new(&format!("atomic_{m}")).await;
        let migrator = fresh.migrator(TWENTY.into_iter().take(m));
        fresh.wire.take();
        let report = migrator.up().atomic(true).await.unwrap();
        assert_eq!(report.done().count(), m);
        assert_eq!(report.batch, Some(1));
        let sent = fresh.wire.take();
        let own = 2 * m;
        assert_eq!(sent.len(), 5 + 2 + own, "{sent:?}");
        let mut expected = vec!["find", "findAndModify", "update", "find", "update"];
        for _ in 0..m {
            expected.extend(["distinct", "insert"]);
        }
        expected.extend(["commitTransaction", "update"]);
        assert_eq!(sent, expected);
        assert_exactly_once(&fresh.db, 1..=i64::try_from(m).unwrap()).await;
        let status = migrator.status().await.unwrap();
        assert!(
            status.migrations.iter().all(|migration| migration.duration_ms.is_some()),
            "{status:?}"
        );
        fresh.wire.take();
        assert!(migrator.up().await.unwrap().is_empty());
        assert_eq!(fresh.wire.take(), ["find"], "the digest says that nothing is pending");
        fresh.pass().await;
    }
}

#[tokio::test]
async fn one_that_fails_takes_all_with_it() {
    let fresh = TestDb::new("atomic_fails").await;
    let migrator = fresh.migrator([effect!(1), effect!(2), FAILS, effect!(4)]);
    let error = migrator.up().atomic(true).await.unwrap_err();
    let report = error.report().unwrap();
    use StepOutcome::{Aborted, Failed, NotRun};
    assert_eq!(outcomes(report), [Aborted, Aborted, Failed, NotRun]);
    assert!(report.versions().is_empty());
    assert!(error.to_string().contains("so none was"), "{error}");
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    let states: Vec<State> = migrator
        .status()
        .await
        .unwrap()
        .migrations
        .iter()
        .map(|migration| migration.state)
        .collect();
    use State::{Failed as HasFailed, Pending};
    assert_eq!(states, [Pending, Pending, HasFailed, Pending]);

    let report = fresh.migrator(FOUR).up().atomic(true).await;
    // The third has another name now, but was never applied.
    assert_eq!(report.unwrap().versions(), versions(1..=4));
    assert_exactly_once(&fresh.db, 1..=4).await;
    fresh.pass().await;
}

#[tokio::test]
async fn what_was_applied_together_is_rolled_back_in_reverse() {
    let fresh = TestDb::new("atomic_down").await;
    let migrator = fresh.migrator(FOUR);
    migrator.up().to(2).atomic(true).await.unwrap();
    assert_eq!(migrator.up().atomic(true).await.unwrap().batch, Some(2));
    assert_eq!(migrator.down().await.unwrap().versions(), versions([4]));
    assert_eq!(migrator.down().batch().await.unwrap().versions(), versions([3]));
    assert_eq!(migrator.down().all().await.unwrap().versions(), versions([2, 1]));
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    migrator.up().atomic(true).await.unwrap();
    assert_exactly_once(&fresh.db, 1..=4).await;
    fresh.pass().await;
}

#[tokio::test]
async fn an_online_one_among_them_is_refused_before_anything_runs() {
    let online = Migration::online_steps(3, "index", |on| {
        Box::pin(async move {
            on.create_index("effects", doc! { "version": 1 }).await?;
            Ok(())
        })
    });
    let fresh = TestDb::new("atomic_apart").await;
    let list = [effect!(1), effect!(2), online, effect!(4)];
    let migrator = fresh.migrator(list);
    let error = migrator.up().atomic(true).await.unwrap_err();
    assert!(matches!(error, Error::Apart { .. }), "{error}");
    assert_eq!(error.kind().exit_code(), 65);
    for part in ["3 `index`", "run `up --atomic --to 2`, then `up --to 3`, then the rest"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    assert!(!migrator.lock_status().await.unwrap().held);
    let both = migrator.up().atomic(true).continue_on_error(true).await.unwrap_err();
    assert!(matches!(both, Error::Settings { setting: "atomic", .. }), "{both}");

    // What it says to do.
    migrator.up().atomic(true).to(2).await.unwrap();
    migrator.up().to(3).await.unwrap();
    migrator.up().atomic(true).await.unwrap();
    assert_eq!(present(&fresh.db).await, [1, 2, 4]);
    fresh.pass().await;
}

/// All of them are there, or none; and the history says the same.
async fn assert_all_or_none(fresh: &TestDb) -> bool {
    let there = present(&fresh.db).await;
    let applied = fresh.db.collection::<Document>("migrations");
    let applied = applied.count_documents(doc! { "state": "applied" }).await.unwrap();
    assert!(there.is_empty() && applied == 0 || there == [1, 2, 3, 4] && applied == 4, "{there:?}");
    !there.is_empty()
}

#[tokio::test]
async fn whatever_fails_it_is_all_or_nothing() {
    let transient =
        |code: i32| doc! { "errorCode": code, "errorLabels": ["TransientTransactionError"] };
    let faults: [(&str, &[i32], Document); 8] = [
        ("findAndModify", &[0], doc! { "closeConnection": true }),
        ("update", &[1, 2], doc! { "closeConnection": true }),
        ("insert", &[0, 3], doc! { "closeConnection": true }),
        ("insert", &[0, 3], transient(112)),
        ("update", &[1], transient(112)),
        ("commitTransaction", &[0], doc! { "closeConnection": true }),
        ("commitTransaction", &[0], transient(251)),
        (
            "commitTransaction",
            &[0],
            doc! { "writeConcernError": { "code": 64, "errmsg": "waiting for replication timed out" } },
        ),
    ];
    let cases = faults
        .iter()
        .flat_map(|(command, skips, how)| skips.iter().map(move |skip| (*command, *skip, how)));
    // The slow one comes last.
    let cases = Mutex::new(cases.rev());
    on_servers(2, async |uri| {
        while let Some((command, skip, how)) = { cases.lock().unwrap().next() } {
            let fresh = TestDb::on(uri, &format!("atomic_fault_{command}_{skip}")).await;
            let mut data = doc! { "failCommands": [command] };
            data.extend(how.clone());
            let point = fresh.fail(doc! { "skip": skip }, data).await;
            let migrator = fresh
                .migrator(FOUR)
                .lease(Duration::from_secs(1))
                .retries(Retries::new().attempts_max(2).pause_max(Duration::from_millis(5)));
            let _ = migrator.up().atomic(true).await;
            point.off().await;
            assert_all_or_none(&fresh).await;
            let end = migrator.up().atomic(true).await;
            end.unwrap_or_else(|error| panic!("{command} {how}: {error}"));
            assert_exactly_once(&fresh.db, 1..=4).await;
            fresh.pass().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_fault_that_passes_is_not_even_noticed() {
    let faults = [
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
            let fresh = TestDb::on(uri, "atomic_passes").await;
            let mut data = doc! { "failCommands": [command] };
            data.extend(how.clone());
            let point = fresh.fail(doc! { "times": 2 }, data).await;
            let report = fresh.migrator(FOUR).up().atomic(true).await;
            point.off().await;
            let report = report.unwrap_or_else(|error| panic!("{command} {how}: {error}"));
            assert_eq!(report.versions(), versions(1..=4), "{command} {how}");
            assert_exactly_once(&fresh.db, 1..=4).await;
            fresh.pass().await;
        }
    })
    .await;
}

#[tokio::test]
async fn cancelled_or_robbed_of_the_lock_none_is_applied() {
    static INSIDE: Notify = Notify::const_new();
    static GATE: Semaphore = Semaphore::const_new(0);
    let hangs = Migration::transactional(3, "effect_3", |tx| {
        Box::pin(async move {
            leave(tx, 3).await?;
            INSIDE.notify_one();
            GATE.acquire().await?.forget();
            Ok(())
        })
    });
    for robbed in [false, true] {
        let fresh = TestDb::new("atomic_cancelled").await;
        let token = CancellationToken::new();
        let list = [effect!(1), effect!(2), hangs, effect!(4)];
        let migrator = fresh
            .migrator(list)
            .cancel_on(token.clone())
            .lease(Duration::from_secs(600))
            .wait(mongrate::Wait::No);
        let running = tokio::spawn({
            let migrator = migrator.clone();
            async move { migrator.up().atomic(true).await }
        });
        INSIDE.notified().await;
        let sent = fresh.wire.take_full();
        if robbed {
            let lock = migrator.lock_status().await.unwrap();
            migrator.force_unlock(lock.fence).await.unwrap();
            let other = fresh.again().await;
            assert_eq!(other.migrator(FOUR).up().await.unwrap().versions(), versions(1..=4));
            // Its heartbeat is far off: only the fence can tell it.
            GATE.add_permits(1);
            let error = running.await.unwrap().unwrap_err();
            assert!(matches!(error, Error::LockLost { .. }), "{error}");
        } else {
            token.cancel();
            let error = running.await.unwrap().unwrap_err();
            assert!(matches!(error, Error::Cancelled { .. }), "{error}");
            use StepOutcome::{Aborted, Interrupted, NotRun};
            let went = outcomes(error.report().unwrap());
            assert_eq!(went, [Aborted, Aborted, Interrupted, NotRun]);
            assert_eq!(present(&fresh.db).await, [0_i64; 0]);
            fresh.migrator(FOUR).up().atomic(true).await.unwrap();
        }
        assert_eq!(open_transactions(&fresh.db, &sessions(&sent)).await, 0);
        assert_exactly_once(&fresh.db, 1..=4).await;
        fresh.pass().await;
    }
}

#[tokio::test]
async fn past_the_servers_limits_it_says_so_and_nothing_is_applied() {
    let long = Migration::transactional(2, "long", |tx| {
        Box::pin(async move {
            // Longer than this server lets a transaction live.
            tokio::time::sleep(Duration::from_secs(4)).await;
            leave(tx, 2).await?;
            Ok(())
        })
    });
    let server = Embedded::builder()
        .private()
        .server_parameter("transactionLifetimeLimitSeconds", 1)
        .start()
        .await
        .unwrap();
    let fresh = TestDb::on(server.uri(), "atomic_limits").await;
    let error = fresh.migrator([effect!(1), long]).up().atomic(true).await.unwrap_err();
    for part in ["pass what the server allows", "without `--atomic`", "nothing was applied"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    server.stop().await;
}
