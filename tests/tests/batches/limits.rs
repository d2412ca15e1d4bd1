//! Bytes bound a batch as documents do; what the server does not take is tried with less.

use std::time::Duration;

use mongrate::{
    Migration, Retries,
    bson::{Document, doc},
    embedded::Embedded,
};
use mongrate_tests::TestDb;

use super::{TURN, count, count_up, insert, kept, told, tried};

const BYTES: usize = 250_000;
const DOCUMENTS: i32 = 1_500;
/// As many as 16 MB hold.
const FIT: i64 = 16 * 1_024 * 1_024 / 250_000;

async fn cache(fresh: &TestDb, size: &str) {
    let size = format!("cache_size={size}");
    let set = doc! { "setParameter": 1, "wiredTigerEngineRuntimeConfig": size };
    fresh.db.client().database("admin").run_command(set).await.unwrap();
}

async fn fill(fresh: &TestDb) {
    let text = "x".repeat(BYTES);
    let all: Vec<i32> = (0..DOCUMENTS).collect();
    for some in all.chunks(50) {
        insert(fresh, some.iter().map(|id| doc! { "_id": *id, "old": &text })).await;
    }
    fresh.wire.take();
}

/// Every batch that was tried had few enough bytes.
fn assert_bounded(fresh: &TestDb, what: &str) {
    let tried = tried(fresh);
    let most = tried.iter().map(|(_, documents)| *documents).max();
    println!("{what}: {} batches, at most {most:?} documents", tried.len());
    assert!(most.is_some_and(|most| most > 1 && most <= FIT), "{what}: {tried:?}");
}

#[tokio::test]
async fn documents_of_any_size_pass_through_a_small_cache() {
    let server = Embedded::builder().private().quiet(true).start().await.unwrap();
    let fresh = TestDb::on(server.uri(), "small_cache").await;
    cache(&fresh, "512M").await;
    fill(&fresh).await;

    let walk = Migration::online_steps(1, "walk", |on| {
        Box::pin(async move {
            let walked = on.backfill("walk", "things").update(count_up()).await?;
            assert_eq!((walked.documents, walked.modified), (1_500, 1_500));
            Ok(())
        })
    });
    fresh.migrator([walk]).up().await.unwrap_or_else(|error| panic!("{error}"));
    assert_bounded(&fresh, "update");
    assert_eq!(count(&fresh, doc! { "n": 1 }).await, 1_500);

    let each = Migration::online_steps(2, "each", |on| {
        Box::pin(async move {
            on.backfill("each", "things")
                .batch_size(100_000)
                .workers(2)
                .update_each(|_: Document| Ok(Some(doc! { "$inc": { "n": 1 } })))
                .await?;
            Ok(())
        })
    });
    fresh.migrator([walk, each]).up().await.unwrap_or_else(|error| panic!("{error}"));
    assert_bounded(&fresh, "update_each");
    assert_eq!(count(&fresh, doc! { "n": 2 }).await, 1_500);

    let declared = Migration::declared(3, "declared", |change| {
        change.remove_field("things", "old");
    });
    let migrator = fresh.migrator([walk, each, declared]);
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    assert_bounded(&fresh, "remove_field");
    assert_eq!(count(&fresh, doc! { "n": 2, "old": { "$exists": false } }).await, 1_500);
    // The documents are small now; what was kept of them is not.
    migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
    assert_bounded(&fresh, "its rollback");
    let whole = doc! { "n": 2, "$expr": { "$eq": [{ "$strLenBytes": "$old" }, BYTES as i32] } };
    assert_eq!(count(&fresh, whole).await, 1_500);
    assert_eq!(kept(&fresh).await, Vec::<String>::new());
    server.stop().await;
}

#[tokio::test]
async fn a_batch_is_smaller_after_the_server_did_not_take_it_and_grows_again() {
    let _turn = TURN.lock().await;
    let transient = ["TransientTransactionError"];
    let faults = [
        // WriteConflict, as the server says it when its cache is full.
        doc! { "failCommands": ["commitTransaction"], "errorCode": 112, "errorLabels": transient },
        doc! { "failCommands": ["commitTransaction"], "errorCode": 388 },
        doc! { "failCommands": ["commitTransaction"], "errorCode": 257 },
        doc! { "failCommands": ["update"], "errorCode": 388 },
        doc! { "failCommands": ["update"], "errorCode": 290 },
        doc! { "failCommands": ["update"], "errorCode": 112, "errorLabels": transient },
    ];
    for (at, mut fault) in faults.into_iter().enumerate() {
        let fresh = TestDb::new(&format!("smaller_{at}")).await;
        insert(&fresh, (0..400).map(|id| doc! { "_id": id })).await;
        let walk = Migration::online_steps(1, "walk", |on| {
            Box::pin(async move {
                let walk = on.backfill("walk", "things").batch_size(64);
                walk.update_each(|_: Document| Ok(Some(doc! { "$inc": { "n": 1 } })))
                    .await
                    .map(drop)
            })
        });
        fresh.wire.take();
        // Not those of the run's beginning.
        let mut skip = 2;
        if fault.get_array("failCommands").unwrap()[0].as_str() == Some("update") {
            fault.insert("namespace", format!("{}.things", fresh.db.name()));
            skip = 0;
        }
        let point = fresh.fail(doc! { "skip": skip }, fault.clone()).await;
        let retries = Retries::new().attempts_max(2).pause_max(Duration::from_millis(2));
        let migrator = fresh.migrator([walk]).retries(retries);
        let error = migrator.up().await.unwrap_err();
        point.off().await;
        // The fault stays: at last a document is alone, and is named.
        let sizes: Vec<i64> = tried(&fresh).iter().map(|(_, documents)| *documents).collect();
        println!("{fault}: {sizes:?}");
        assert!(sizes.windows(2).all(|two| two[1] <= two[0]), "it shrinks: {sizes:?}");
        assert_eq!(sizes.last(), Some(&1), "down to one document: {sizes:?}");
        told(&error, &["the document with `_id` 0 of `things`", "alone in a batch"]);
        migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(count(&fresh, doc! { "n": 1 }).await, 400, "each once");
        fresh.pass().await;
    }
}

#[tokio::test]
async fn it_grows_again() {
    let _turn = TURN.lock().await;
    let fresh = TestDb::new("grows_again").await;
    insert(&fresh, (0..400).map(|id| doc! { "_id": id })).await;
    let walk = Migration::online_steps(1, "walk", |on| {
        Box::pin(async move {
            on.backfill("walk", "things").batch_size(64).update(count_up()).await.map(drop)
        })
    });
    fresh.wire.take();
    let fault = doc! {
        "failCommands": ["update"], "errorCode": 112,
        "errorLabels": ["TransientTransactionError"],
        "namespace": format!("{}.things", fresh.db.name()),
    };
    let point = fresh.fail(doc! { "times": 2 }, fault).await;
    fresh.migrator([walk]).up().await.unwrap_or_else(|error| panic!("{error}"));
    point.off().await;
    let tried = tried(&fresh);
    println!("{tried:?}");
    let again = tried.windows(2).filter(|two| two[1].0 == two[0].0);
    assert!(again.clone().all(|two| two[1].1 < two[0].1 || two[0].1 <= 1), "{tried:?}");
    let next = tried.windows(2).filter(|two| two[1].0 > two[0].0);
    assert!(next.clone().any(|two| two[1].1 > two[0].1), "it grows: {tried:?}");
    assert_eq!(count(&fresh, doc! { "n": 1 }).await, 400, "each once");
    fresh.pass().await;
}

#[tokio::test]
async fn views_time_series_and_capped_collections_are_refused_as_changes_refuse_them() {
    let fresh = TestDb::new("unwalkable").await;
    insert(&fresh, [doc! { "_id": 1 }]).await;
    fresh
        .db
        .run_command(doc! { "create": "seen", "viewOn": "things", "pipeline": [] })
        .await
        .unwrap();
    fresh.db.run_command(doc! { "create": "log", "capped": true, "size": 4_096 }).await.unwrap();
    let mut names = vec![("seen", "is a view"), ("log", "is capped")];
    if fresh.version().await >= (5, 0) {
        let series = doc! { "create": "weather", "timeseries": { "timeField": "at" } };
        fresh.db.run_command(series).await.unwrap();
        names.push(("weather", "is a timeseries"));
    }
    macro_rules! refused {
        ($collection:literal, $version:literal) => {{
            let backfill = Migration::online_steps($version, "backfill", |on| {
                Box::pin(async move {
                    on.backfill("walk", $collection).update(count_up()).await.map(drop)
                })
            });
            let declared = Migration::declared($version, "declared", |change| {
                change.remove_field($collection, "a");
            });
            let (_, problem) = names.iter().find(|(name, _)| *name == $collection).unwrap();
            let said = format!("`{}` {problem}: ", $collection);
            for migration in [backfill, declared] {
                let error = fresh.migrator([migration]).up().await.unwrap_err();
                told(&error, &[&said]);
                fresh.db.collection::<Document>("migrations").drop().await.unwrap();
            }
        }};
    }
    refused!("seen", 1);
    refused!("log", 2);
    if names.len() == 3 {
        refused!("weather", 3);
    }
    fresh.pass().await;
}
