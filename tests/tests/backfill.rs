//! Backfills: every document once, whatever its `_id`, whatever comes in between.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::TryStreamExt as _;
use mongrate::{
    CancellationToken, Error, Migration, Migrator, Online, Resolution, Retries, State, Version,
    bson::{self, Bson, Document, doc, oid::ObjectId},
    mongodb::{Collection, options::ReturnDocument},
};
use mongrate_tests::{TestDb, on_servers};
use tokio::sync::Notify;

/// Not idempotent: what is done twice shows.
fn count_up() -> Vec<Document> {
    vec![doc! { "$set": { "n": { "$add": [{ "$ifNull": ["$n", 0] }, 1] } } }]
}

async fn seed(
    fresh: &TestDb,
    documents: impl IntoIterator<Item = Document>,
) -> Collection<Document> {
    let collection = fresh.db.collection::<Document>("things");
    let documents: Vec<Document> = documents.into_iter().collect();
    for some in documents.chunks(10_000) {
        collection.insert_many(some).await.unwrap();
    }
    collection
}

fn numbered(count: i32) -> impl Iterator<Item = Document> {
    (0..count).map(|id| doc! { "_id": id, "name": format!("thing {id}") })
}

/// How many documents have been changed how many times.
async fn assert_each_once(collection: &Collection<Document>) {
    let pipeline = [doc! { "$group": { "_id": "$n", "count": { "$sum": 1 } } }];
    let groups: Vec<Document> =
        collection.aggregate(pipeline).await.unwrap().try_collect().await.unwrap();
    let left = collection.find_one(doc! { "n": { "$ne": 1 } }).await.unwrap();
    assert_eq!(groups.len(), 1, "{groups:?}, such as {left:?}");
    assert_eq!(groups[0].get("_id"), Some(&Bson::Int32(1)), "{groups:?}");
}

/// What is left in the control collection beside lock, fence and records.
async fn checkpoints(fresh: &TestDb) -> u64 {
    let filter = doc! { "_id": { "$type": "string", "$nin": ["lock", "fence"] } };
    fresh.db.collection::<Document>("migrations").count_documents(filter).await.unwrap()
}

#[tokio::test]
async fn ids_of_every_type_are_walked_once() {
    let fresh = TestDb::new("every_type").await;
    let binary = |bytes: &[u8]| {
        Bson::Binary(bson::Binary {
            subtype: bson::spec::BinarySubtype::Generic,
            bytes: bytes.into(),
        })
    };
    let mut ids = vec![
        Bson::MinKey,
        Bson::Null,
        Bson::Double(f64::NAN),
        Bson::Double(f64::NEG_INFINITY),
        Bson::Int64(i64::MIN),
        Bson::Double(-0.5),
        Bson::Int32(7),
        Bson::Int64(8),
        Bson::Decimal128("9.25".parse().unwrap()),
        Bson::String(String::new()),
        Bson::String("a".into()),
        Bson::String("é".into()),
        Bson::Document(doc! {}),
        Bson::Document(doc! { "tenant": 1, "n": [1, 2] }),
        Bson::Document(doc! { "tenant": "x" }),
        binary(b""),
        binary(b"\x01\x02"),
        Bson::Boolean(false),
        Bson::Boolean(true),
        Bson::DateTime(bson::DateTime::from_millis(-5)),
        Bson::DateTime(bson::DateTime::from_millis(5)),
        Bson::Timestamp(bson::Timestamp { time: 3, increment: 1 }),
        Bson::MaxKey,
    ];
    ids.extend((0..40).map(|_| Bson::ObjectId(ObjectId::new())));
    ids.extend((100..120).map(Bson::Int32));
    let count = ids.len();
    // However the batches fall.
    for size in [1, 2, 3, 5, 8, 13, 100] {
        let collection = seed(&fresh, ids.iter().map(|id| doc! { "_id": id.clone() })).await;
        static SIZE: AtomicU32 = AtomicU32::new(0);
        SIZE.store(size, Ordering::SeqCst);
        let walk = Migration::online_steps(1, "walk", |on| {
            Box::pin(async move {
                let report = on
                    .backfill("walk", "things")
                    .batch_size(SIZE.load(Ordering::SeqCst))
                    .update(count_up())
                    .await?;
                assert_eq!(report.matched, report.documents, "{report:?}");
                Ok(())
            })
        });
        fresh.migrator([walk]).up().await.unwrap();
        assert_eq!(collection.count_documents(doc! {}).await.unwrap() as usize, count);
        assert_each_once(&collection).await;
        assert_eq!(checkpoints(&fresh).await, 0);
        fresh.db.drop().await.unwrap();
    }
    fresh.pass().await;
}

#[tokio::test]
async fn workers_share_a_collection() {
    let fresh = TestDb::new("workers").await;
    let collection = seed(&fresh, numbered(60_000)).await;
    static DOCUMENTS: AtomicUsize = AtomicUsize::new(0);
    let walk = Migration::online_steps(1, "walk", |on| {
        Box::pin(async move {
            let report = on.backfill("walk", "things").workers(4).update(count_up()).await?;
            assert!(!report.resumed);
            assert_eq!((report.matched, report.modified), (60_000, 60_000));
            DOCUMENTS.store(report.documents as usize, Ordering::SeqCst);
            Ok(())
        })
    });
    fresh.migrator([walk]).up().await.unwrap();
    assert_eq!(DOCUMENTS.load(Ordering::SeqCst), 60_000);
    assert_each_once(&collection).await;
    fresh.pass().await;
}

#[tokio::test]
async fn a_filter_and_closures_do_what_they_say() {
    let fresh = TestDb::new("closures").await;
    let collection = seed(&fresh, numbered(500)).await;
    #[derive(serde::Deserialize)]
    struct Thing {
        name: String,
    }
    let walk = Migration::online_steps(1, "walk", |on| {
        Box::pin(async move {
            let report = on
                .backfill("names", "things")
                .filter(doc! { "_id": { "$lt": 100 } })
                .batch_size(30)
                .update_each(|thing: Thing| {
                    let odd = thing.name.ends_with(['1', '3', '5', '7', '9']);
                    Ok((!odd).then(|| doc! { "$set": { "name": thing.name.to_uppercase() } }))
                })
                .await?;
            assert_eq!((report.documents, report.modified), (100, 50));
            on.backfill("whole", "things")
                .filter(doc! { "_id": { "$gte": 400 } })
                .replace_each(|mut thing| {
                    thing.remove("name");
                    thing.insert("new", true);
                    Ok(Some(thing))
                })
                .await?;
            Ok(())
        })
    });
    fresh.migrator([walk]).up().await.unwrap();
    let upper = collection.count_documents(doc! { "name": { "$regex": "^THING" } });
    assert_eq!(upper.await.unwrap(), 50);
    let new = doc! { "new": true, "name": { "$exists": false }, "_id": { "$gte": 400 } };
    assert_eq!(collection.count_documents(new).await.unwrap(), 100);
    fresh.pass().await;
}

#[tokio::test]
async fn what_is_no_backfill_is_refused_and_changes_nothing() {
    let fresh = TestDb::new("refused").await;
    let collection = seed(&fresh, numbered(5)).await;
    macro_rules! refused {
        ($version:literal, $text:literal, |$on:ident| $body:expr) => {{
            let migration = Migration::online_steps($version, "refused", |$on| {
                Box::pin(async move { $body.await.map(drop) })
            });
            let error = fresh.migrator([migration]).up().await.unwrap_err().to_string();
            assert!(error.contains($text), "{error}");
            fresh.db.collection::<Document>("migrations").drop().await.unwrap();
        }};
    }
    refused!(1, "1 to 128 bytes", |on| on.backfill("", "things").update(count_up()));
    refused!(2, "no name", |on| on.backfill("x", "").update(count_up()));
    refused!(3, "it is 1 to 64", |on| on.backfill("x", "things").workers(65).update(count_up()));
    refused!(4, "100000", |on| on.backfill("x", "things").batch_size(0).update(count_up()));
    refused!(5, "empty pipeline", |on| on.backfill("x", "things").update(vec![]));
    refused!(6, "update operators", |on| on
        .backfill("x", "things")
        .update_each(|thing: Document| Ok(Some(thing))));
    refused!(7, "not update operators", |on| on
        .backfill("x", "things")
        .replace_each(|_| Ok(Some(doc! { "$set": { "n": 1 } }))));
    refused!(8, "`_id`", |on| on
        .backfill("x", "things")
        .replace_each(|_| Ok(Some(doc! { "_id": "other" }))));
    refused!(9, "Unrecognized", |on| on
        .backfill("x", "things")
        .update(vec![doc! { "$nonsense": 1 }]));
    assert_eq!(collection.count_documents(doc! { "n": { "$exists": true } }).await.unwrap(), 0);
    assert_eq!(collection.count_documents(doc! {}).await.unwrap(), 5);
    fresh.pass().await;
}

#[tokio::test]
async fn a_failed_backfill_is_resumed() {
    let fresh = TestDb::new("goes_on").await;
    let collection = seed(&fresh, numbered(1_000)).await;
    static FAILS: AtomicBool = AtomicBool::new(true);
    static SEEN: AtomicU32 = AtomicU32::new(0);
    let walk = Migration::online_steps(1, "walk", |on| {
        Box::pin(async move {
            let report = on
                .backfill("walk", "things")
                .batch_size(100)
                .update_each(|thing: Document| {
                    SEEN.fetch_add(1, Ordering::SeqCst);
                    if FAILS.load(Ordering::SeqCst) && thing.get_i32("_id")? == 550 {
                        return Err("at 550".into());
                    }
                    Ok(Some(doc! { "$inc": { "n": 1 } }))
                })
                .await?;
            assert!(report.resumed);
            assert_eq!((report.documents, report.modified, report.batches), (1_000, 500, 6));
            Ok(())
        })
    });
    let migrator = fresh.migrator([walk]);
    let error = migrator.up().await.unwrap_err().to_string();
    assert!(error.contains("at 550"), "{error}");
    assert_eq!(collection.count_documents(doc! { "n": 1 }).await.unwrap(), 500);
    let status = migrator.status().await.unwrap();
    let migration = &status.migrations[0];
    assert_eq!(migration.state, State::Failed);
    let progress = &migration.progress[0];
    assert_eq!((progress.name.as_str(), progress.documents), ("walk", 500));
    assert_eq!(progress.total, Some(1_000));

    SEEN.store(0, Ordering::SeqCst);
    FAILS.store(false, Ordering::SeqCst);
    migrator.up().await.unwrap();
    assert_eq!(SEEN.load(Ordering::SeqCst), 500, "only what was left");
    assert_each_once(&collection).await;
    assert_eq!(checkpoints(&fresh).await, 0);
    fresh.pass().await;
}

#[tokio::test]
async fn what_an_operator_declares_pending_begins_anew() {
    let fresh = TestDb::new("anew").await;
    let collection = seed(&fresh, numbered(1_000)).await;
    static FAILS: AtomicBool = AtomicBool::new(true);
    let walk = Migration::online_steps(1, "walk", |on| {
        Box::pin(async move {
            let walk =
                on.backfill("walk", "things").batch_size(100).update_each(|thing: Document| {
                    if FAILS.load(Ordering::SeqCst) && thing.get_i32("_id")? == 550 {
                        return Err("at 550".into());
                    }
                    Ok(Some(doc! { "$inc": { "n": 1 } }))
                });
            walk.await.map(drop)
        })
    });
    let migrator = fresh.migrator([walk]);
    migrator.up().await.unwrap_err();
    migrator.resolve(Version::new(1), Resolution::Pending).await.unwrap();
    collection.update_many(doc! {}, doc! { "$unset": { "n": 1 } }).await.unwrap();
    FAILS.store(false, Ordering::SeqCst);
    migrator.up().await.unwrap();
    assert_each_once(&collection).await;
    assert_eq!(checkpoints(&fresh).await, 0);
    fresh.pass().await;
}

#[tokio::test]
async fn any_command_may_fail_at_any_batch() {
    let transient =
        |code: i32| doc! { "errorCode": code, "errorLabels": ["TransientTransactionError"] };
    let faults: [(&str, Document); 8] = [
        ("commitTransaction", doc! { "closeConnection": true }),
        ("commitTransaction", doc! { "errorCode": 91 }),
        ("commitTransaction", transient(251)),
        (
            "commitTransaction",
            doc! { "writeConcernError": { "code": 64, "errmsg": "waiting for replication timed out" } },
        ),
        ("update", doc! { "closeConnection": true }),
        ("update", transient(112)),
        ("find", doc! { "closeConnection": true }),
        ("find", doc! { "errorCode": 11_602 }),
    ];
    let cases = faults.iter().flat_map(|(command, how)| {
        // Through the start of the run, its batches, and its end. (The driver takes half a second
        // to try a broken connection again, and may take ten to believe that a server is a primary
        // still which said that it is not: ShutdownInProgress, InterruptedDueToReplStateChange.)
        let resigned = matches!(how.get_i32("errorCode"), Ok(91 | 11_602));
        let slow = resigned || how.contains_key("closeConnection");
        let skips: &[i32] = if slow { &[4] } else { &[1, 3, 4, 6, 9] };
        let attempts_max = if slow { 1 } else { 2 };
        let lease = Duration::from_secs(if resigned { 60 } else { 1 });
        skips.iter().map(move |skip| (*command, *skip, how, attempts_max, lease))
    });
    let cases = Mutex::new(cases);
    on_servers(3, async |uri| {
        while let Some((command, skip, how, attempts_max, lease)) = { cases.lock().unwrap().next() }
        {
            let fresh = TestDb::on(uri, &format!("batch_fault_{command}_{skip}")).await;
            let collection = seed(&fresh, numbered(40)).await;
            let walk = Migration::online_steps(1, "walk", |on| {
                Box::pin(async move {
                    let walk =
                        on.backfill("walk", "things").batch_size(10).update(count_up()).await;
                    walk.map(drop)
                })
            });
            let mut data = doc! { "failCommands": [command] };
            data.extend(how.clone());
            let migrator = fresh.migrator([walk]).lease(lease).retries(
                Retries::new().attempts_max(attempts_max).pause_max(Duration::from_millis(5)),
            );
            // It fails from then on, until the fault is gone.
            let point = fresh.fail(doc! { "skip": skip }, data).await;
            let _ = migrator.up().await;
            point.off().await;
            migrator.up().await.unwrap();
            assert_each_once(&collection).await;
            assert_eq!(checkpoints(&fresh).await, 0, "{command} {how}");
            fresh.pass().await;
        }
    })
    .await;
}

#[tokio::test]
async fn cancelling_ends_it_between_two_batches() {
    let fresh = TestDb::new("cancelled").await;
    let collection = seed(&fresh, numbered(1_000)).await;
    static AT: Notify = Notify::const_new();
    let walk = Migration::online_steps(1, "walk", |on| {
        Box::pin(async move {
            let walk =
                on.backfill("walk", "things").batch_size(100).update_each(|thing: Document| {
                    if thing.get_i32("_id")? == 250 {
                        AT.notify_one();
                        std::thread::sleep(Duration::from_millis(300));
                    }
                    Ok(Some(doc! { "$inc": { "n": 1 } }))
                });
            walk.await.map(drop)
        })
    });
    let stop = CancellationToken::new();
    let migrator = fresh.migrator([walk]);
    let stopped = migrator.clone().cancel_on(stop.clone());
    let run = tokio::spawn(async move { stopped.up().await });
    AT.notified().await;
    stop.cancel();
    let error = run.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Cancelled { .. }), "{error}");
    // The batch that it was at is whole.
    assert_eq!(collection.count_documents(doc! { "n": 1 }).await.unwrap(), 300);
    let status = migrator.status().await.unwrap();
    assert_eq!(status.migrations[0].state, State::Interrupted);
    assert!(!status.lock.held);
    migrator.up().await.unwrap();
    assert_each_once(&collection).await;
    fresh.pass().await;
}

#[tokio::test]
async fn a_worker_that_was_overtaken_cannot_commit() {
    let fresh = TestDb::new("overtaken").await;
    let collection = seed(&fresh, numbered(1_000)).await;
    static INSIDE: Notify = Notify::const_new();
    static FIRST: AtomicBool = AtomicBool::new(true);
    let walk = Migration::online_steps(1, "walk", |on| {
        Box::pin(async move {
            let walk =
                on.backfill("walk", "things").batch_size(100).update_each(|thing: Document| {
                    if thing.get_i32("_id")? == 450 && FIRST.swap(false, Ordering::SeqCst) {
                        INSIDE.notify_one();
                        // Longer than its lease: it holds its place, and knows of nothing.
                        std::thread::sleep(Duration::from_secs(3));
                    }
                    Ok(Some(doc! { "$inc": { "n": 1 } }))
                });
            walk.await.map(drop)
        })
    });
    let first = fresh.migrator([walk]).lease(Duration::from_secs(30));
    let run = tokio::spawn(async move { first.up().await });
    INSIDE.notified().await;
    let other = fresh.again().await;
    let second = other.migrator([walk]);
    let lock = second.lock_status().await.unwrap();
    second.force_unlock(lock.fence).await.unwrap();
    second.up().await.unwrap();
    let _ = run.await.unwrap();
    assert_each_once(&collection).await;
    assert_eq!(checkpoints(&fresh).await, 0);
    fresh.pass().await;
}

#[tokio::test]
async fn a_collection_may_be_written_to_meanwhile() {
    let fresh = TestDb::new("written_to").await;
    let collection = seed(&fresh, numbered(20_000)).await;
    static DONE: AtomicBool = AtomicBool::new(false);
    let walk = Migration::online_steps(1, "walk", |on| {
        Box::pin(async move {
            let walk = on.backfill("walk", "things").workers(3).update(count_up()).await;
            DONE.store(true, Ordering::SeqCst);
            walk.map(drop)
        })
    });
    let other = fresh.again().await;
    let writer = tokio::spawn(async move {
        let things = other.db.collection::<Document>("things");
        let mut next = 0_i32;
        while !DONE.load(Ordering::SeqCst) {
            next += 1;
            let id = doc! { "_id": (next * 7) % 20_000 };
            let seen = things
                .find_one_and_update(id, doc! { "$inc": { "writes": 1 } })
                .return_document(ReturnDocument::After)
                .await
                .unwrap();
            assert!(seen.is_some());
        }
        next
    });
    fresh.migrator([walk]).up().await.unwrap();
    let writes = writer.await.unwrap();
    assert_each_once(&collection).await;
    let pipeline = [doc! { "$group": { "_id": null, "writes": { "$sum": "$writes" } } }];
    let sum: Vec<Document> =
        collection.aggregate(pipeline).await.unwrap().try_collect().await.unwrap();
    assert_eq!(sum[0].get_i32("writes").unwrap(), writes, "no write of the app is lost");
    fresh.pass().await;
}

#[tokio::test]
async fn a_backfill_that_a_body_drops_fails_its_migration() {
    let fresh = TestDb::new("dropped").await;
    let collection = seed(&fresh, numbered(300)).await;
    static SLOW: AtomicBool = AtomicBool::new(true);
    async fn body(on: &mut Online<'_>) -> mongrate::Result {
        let walk = on
            .backfill("walk", "things")
            .batch_size(100)
            .pause(Duration::from_millis(if SLOW.load(Ordering::SeqCst) { 400 } else { 0 }));
        // Swallowed.
        let _ = tokio::time::timeout(Duration::from_millis(900), walk.update(count_up())).await;
        Ok(())
    }
    let walk = Migration::online_steps(1, "walk", |on| Box::pin(body(on)));
    let migrator: Migrator = fresh.migrator([walk]);
    let error = migrator.up().await.unwrap_err().to_string();
    assert!(error.contains("dropped"), "{error}");
    SLOW.store(false, Ordering::SeqCst);
    migrator.up().await.unwrap();
    assert_each_once(&collection).await;
    fresh.pass().await;
}
