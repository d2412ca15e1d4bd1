//! A verb in a migration's body would wait for the very run that it is part of.

use std::{sync::OnceLock, time::Duration};

use mongrate::{
    BoxError, Error, Kind, Migration, Migrator, StartPolicy, Wait, bson::doc, mongodb::Database,
};
use mongrate_tests::{
    TestDb, effect,
    effects::{leave, present, versions},
};
use tokio::time::timeout;

/// An app's own, of which its bodies know.
static MIGRATOR: OnceLock<Migrator> = OnceLock::new();

fn migrator() -> &'static Migrator {
    MIGRATOR.get().expect("it is set")
}

/// Each verb that needs the lock, in a body.
async fn call(verb: &str) -> Result<(), BoxError> {
    let migrator = migrator();
    match verb {
        "up" => migrator.up().await.map(drop)?,
        "down" => migrator.down().await.map(drop)?,
        "redo" => migrator.redo().await.map(drop)?,
        "on_start" => migrator.on_start().policy(StartPolicy::Migrate).await.map(drop)?,
        "baseline" => migrator.baseline(1).await.map(drop)?,
        "repair" => migrator.repair().await.map(drop)?,
        "another migrator" => {
            let other = Migrator::with(migrator.database(), [effect!(1), effect!(2)]);
            other.wait(Wait::Forever).up().await.map(drop)?;
        }
        "joined" => {
            let (one, two) = tokio::join!(migrator.up(), migrator.status());
            two?;
            one.map(drop)?;
        }
        other => unreachable!("{other}"),
    }
    Ok(())
}

static VERB: std::sync::Mutex<&str> = std::sync::Mutex::new("up");

fn verb() -> &'static str {
    *VERB.lock().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_in_a_body_is_refused_and_does_not_wait_for_itself() {
    let fresh = TestDb::new("a_verb_in_a_body").await;
    let in_transaction = Migration::transactional(2, "calls", |tx| {
        Box::pin(async move {
            leave(tx, 2).await?;
            call(verb()).await
        })
    });
    let online = Migration::online_steps(2, "calls", |_| Box::pin(async { call(verb()).await }));
    let in_step = Migration::online_steps(2, "calls", |on| {
        Box::pin(async move { on.transaction("one", async |_| call(verb()).await).await })
    });
    MIGRATOR.set(Migrator::with(&fresh.db, [effect!(1), in_transaction])).unwrap();
    fresh.migrator([effect!(1)]).up().await.unwrap();
    for calls in [in_transaction, online, in_step] {
        for verb in
            ["up", "down", "redo", "on_start", "baseline", "repair", "another migrator", "joined"]
        {
            *VERB.lock().unwrap() = verb;
            let migrator = Migrator::with(&fresh.db, [effect!(1), calls]);
            let ended = timeout(Duration::from_secs(60), migrator.up()).await;
            let error = ended.expect(verb).unwrap_err();
            let Error::Failed { source, .. } = &error else { panic!("{verb}: {error}") };
            let inner = source.downcast_ref::<Error>();
            assert!(matches!(inner, Some(Error::InsideMigration)), "{verb}: {error}");
            assert_eq!(error.kind(), Kind::BadBuild, "{verb}");
            assert!(error.to_string().contains("wait for itself for ever"), "{verb}: {error}");
            assert_eq!(present(&fresh.db).await, [1], "{verb}");
            assert!(!migrator.lock_status().await.unwrap().held, "{verb}");
        }
    }
    fresh.pass().await;
}

static ELSEWHERE: OnceLock<Database> = OnceLock::new();

/// Another history has a lock of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_migrate_another_history() {
    let fresh = TestDb::new("a_body_may").await;
    ELSEWHERE.set(fresh.db.clone()).unwrap();
    let tenant = Migration::online_steps(1, "tenant", |_| {
        Box::pin(async {
            let db = ELSEWHERE.get().expect("it is set");
            let tenant = Migrator::with(db, [effect!(5)]).collection("tenant");
            tenant.up().await?;
            Ok(())
        })
    });
    assert_eq!(fresh.migrator([tenant]).up().await.unwrap().versions(), versions([1]));
    assert_eq!(present(&fresh.db).await, [5]);
    fresh.pass().await;
}

static DRY: OnceLock<Database> = OnceLock::new();

/// It holds no lock; but a real run in it would leave what a dry run never leaves.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_run_in_a_dry_run_is_refused() {
    let fresh = TestDb::new("a_real_run_in_a_dry").await;
    DRY.set(fresh.db.clone()).unwrap();
    let calls = Migration::transactional(1, "calls", |_| {
        Box::pin(async {
            Migrator::with(DRY.get().expect("it is set"), [effect!(2)]).up().await?;
            Ok(())
        })
    });
    let report = fresh.migrator([calls]).up().dry_run().await.unwrap();
    assert!(!report.is_ok());
    let failure = report.steps[0].failure.as_ref().unwrap();
    assert!(failure.message.contains("in the body of a migration"), "{failure:?}");
    assert_eq!(fresh.db.list_collection_names().await.unwrap(), Vec::<String>::new());
    fresh.pass().await;
}

/// A call from outside a body waits, in the same process as in another.
#[tokio::test(flavor = "multi_thread")]
async fn another_call_of_the_same_process_waits_as_before() {
    static INSIDE: tokio::sync::Notify = tokio::sync::Notify::const_new();
    static GO: tokio::sync::Notify = tokio::sync::Notify::const_new();
    let fresh = TestDb::new("another_call").await;
    let slow = Migration::transactional(1, "slow", |tx| {
        Box::pin(async move {
            INSIDE.notify_one();
            GO.notified().await;
            leave(tx, 1).await
        })
    });
    let migrator = fresh.migrator([slow]);
    let first = tokio::spawn({
        let migrator = migrator.clone();
        async move { migrator.up().await }
    });
    INSIDE.notified().await;
    let second = tokio::spawn(async move { migrator.up().await });
    // It has seen the lock before the first one continues.
    let lock = doc! { "find": "migrations" };
    while !fresh.db.run_command(lock.clone()).await.unwrap().to_string().contains("\"slow\"") {
        GO.notify_one();
        tokio::task::yield_now().await;
    }
    assert_eq!(first.await.unwrap().unwrap().versions(), versions([1]));
    assert!(second.await.unwrap().unwrap().is_empty());
    assert_eq!(present(&fresh.db).await, [1]);
    fresh.pass().await;
}
