//! A collection that is not Mongrate's is recognised before the first write.

use mongrate::{
    Error, Kind, Migration, Migrator,
    bson::{Bson, DateTime, Document, Uuid, doc, oid::ObjectId},
};
use mongrate_tests::{
    TestDb, effect,
    effects::{assert_exactly_once, present, versions},
    whole,
};

const THREE: [Migration; 3] = [effect!(1), effect!(2), effect!(3)];

#[track_caller]
fn is_foreign<T: std::fmt::Debug>(what: &str, ended: Result<T, Error>, parts: &[&str]) {
    let error = ended.expect_err(what);
    let text = error.to_string();
    let Error::Corrupt { collection: Some(collection), .. } = &error else {
        panic!("{what}: {error:?}")
    };
    assert_eq!(collection, "migrations", "{what}");
    for part in parts.iter().chain(&["`migrations`", "--collection NAME", "nothing was written"]) {
        assert!(text.contains(part), "{what}: `{part}` is not in: {text}");
    }
    assert_eq!(error.kind(), Kind::NeedsOperator, "{what}: {text}");
}

async fn refused_by_all(what: &str, migrator: &Migrator) {
    is_foreign(what, migrator.up().await, &[]);
    is_foreign(what, migrator.down().all().await, &[]);
    is_foreign(what, migrator.baseline(3).await, &[]);
    is_foreign(what, migrator.repair().await, &[]);
    is_foreign(what, migrator.status().await, &[]);
    is_foreign(what, migrator.check().await, &[]);
    is_foreign(what, migrator.up().dry_run().await, &[]);
    is_foreign(what, migrator.purge().await, &[]);
    is_foreign(what, migrator.force_unlock(1).await, &[]);
    is_foreign(what, migrator.on_start().policy(mongrate::StartPolicy::Migrate).await, &[]);
}

#[tokio::test]
async fn another_tools_documents_are_seen_before_the_first_write() {
    let id = |id: Bson| doc! { "_id": id, "name": "theirs", "appliedAt": "then" };
    let cases = [
        ("migrate-mongo", vec![doc! { "fileName": "20200101-first.js", "appliedAt": "then" }]),
        ("golang-migrate", vec![doc! { "version": 3_i64, "dirty": false }]),
        ("text", vec![id("20200101-first.js".into()), id("20200102-second.js".into())]),
        ("text before lock", vec![id("init".into())]),
        ("text behind lock", vec![id("zebra".into())]),
        ("numbers", (1..=20).map(|number: i32| id(number.into())).collect()),
        ("large numbers", vec![id(20_250_101_000_000_i64.into())]),
        ("fractions", vec![id(1.5.into())]),
        ("a document", vec![id(doc! { "app": "x", "n": 1 }.into())]),
        ("a uuid", vec![id(Uuid::new().into())]),
        ("an ObjectId", vec![id(ObjectId::new().into())]),
        ("a date", vec![id(DateTime::now().into())]),
        ("a bool", vec![id(true.into())]),
        ("null", vec![id(Bson::Null)]),
        ("a lock", vec![doc! { "_id": "lock", "locked": true }]),
        ("a lock of numbers", vec![doc! { "_id": "lock", "fence": "wooden" }]),
        ("a fence", vec![doc! { "_id": "fence", "colour": "white" }]),
        ("many", (0..5_000).map(|n: i32| doc! { "fileName": n.to_string() }).collect()),
    ];
    for (what, documents) in cases {
        let fresh = TestDb::new("another_tools_documents").await;
        let theirs = fresh.db.collection::<Document>("migrations");
        theirs.insert_many(documents).await.unwrap();
        let before = whole::of(&fresh.db).await;
        let migrator = fresh.migrator(THREE);
        fresh.wire.take();
        refused_by_all(what, &migrator).await;
        let sent = fresh.wire.take();
        assert!(sent.iter().all(|name| name == "find"), "{what}: {sent:?}");
        assert_eq!(whole::of(&fresh.db).await, before, "{what}: not a byte was changed");
        let elsewhere = fresh.migrator(THREE).collection("mongrate");
        assert_eq!(elsewhere.up().await.unwrap().versions(), versions(1..=3), "{what}");
        fresh.pass().await;
    }
}

#[tokio::test]
async fn a_collection_that_cannot_hold_a_history_is_named_and_left_as_it_was() {
    let with = |mut command: Document, options: Document| {
        command.extend(options);
        command
    };
    let create = || doc! { "create": "migrations" };
    let unique = doc! {
        "createIndexes": "migrations",
        "indexes": [{ "key": { "fileName": 1 }, "name": "theirs_1", "unique": true }],
    };
    let cases = [
        ("a view", with(create(), doc! { "viewOn": "things", "pipeline": [] }), "is a view"),
        ("capped", with(create(), doc! { "capped": true, "size": 1_048_576 }), "is a capped"),
        (
            "a time series",
            with(create(), doc! { "timeseries": { "timeField": "at" } }),
            "is a time-series collection",
        ),
        (
            "a validator",
            with(create(), doc! { "validator": { "fileName": { "$type": "string" } } }),
            "has a validator",
        ),
        ("a unique index", unique, "its index `theirs_1` is unique (E11000)"),
    ];
    for (what, command, says) in cases {
        let fresh = TestDb::new("cannot_hold_a_history").await;
        if what == "a time series" && fresh.version().await < (5, 0) {
            continue;
        }
        fresh.db.run_command(command).await.unwrap();
        let before = whole::of(&fresh.db).await;
        // 4.4.2 and 5.0.4 delete nothing from a capped collection: lock and fence stay in it.
        let is_as_it_was = what != "capped" || fresh.version().await >= (6, 0);
        let migrator = fresh.migrator(THREE);
        is_foreign(what, migrator.up().await, &[says]);
        if is_as_it_was {
            assert_eq!(whole::of(&fresh.db).await, before, "{what}: after up");
        }
        is_foreign(what, migrator.baseline(3).await, &[says]);
        if is_as_it_was {
            assert_eq!(whole::of(&fresh.db).await, before, "{what}: after baseline");
        }
        assert_eq!(present(&fresh.db).await, [0_i64; 0], "{what}");
        let elsewhere = fresh.migrator(THREE).collection("mongrate");
        assert_eq!(elsewhere.up().await.unwrap().versions(), versions(1..=3), "{what}");
        fresh.pass().await;
    }
}

/// Later, in a collection of ours: the second migration of a batch meets the index of the first.
#[tokio::test]
async fn a_unique_index_in_our_own_collection_is_named() {
    let fresh = TestDb::new("a_unique_index_of_ours").await;
    fresh.migrator([effect!(1)]).up().await.unwrap();
    let index = doc! {
        "createIndexes": "migrations",
        "indexes": [{ "key": { "batch": 1 }, "name": "one_each", "unique": true,
                      "partialFilterExpression": { "batch": { "$exists": true } } }],
    };
    fresh.db.run_command(index).await.unwrap();
    let error = fresh.migrator(THREE).up().await.unwrap_err();
    assert!(error.to_string().contains("`one_each` is unique (E11000)"), "{error}");
    assert_eq!(present(&fresh.db).await, [1, 2]);
    fresh.db.run_command(doc! { "dropIndexes": "migrations", "index": "one_each" }).await.unwrap();
    assert_eq!(fresh.migrator(THREE).up().await.unwrap().versions(), versions([3]));
    assert_exactly_once(&fresh.db, 1..=3).await;
    fresh.pass().await;
}

/// A start does not fail for documents that are put beside a history of ours.
#[tokio::test]
async fn junk_in_a_collection_of_ours_stops_no_start() {
    let fresh = TestDb::new("junk_in_ours").await;
    let migrator = fresh.migrator(THREE);
    migrator.up().await.unwrap();
    let control = fresh.db.collection::<Document>("migrations");
    control.insert_one(doc! { "junk": true }).await.unwrap();
    fresh.wire.take();
    assert!(migrator.up().await.unwrap().is_empty());
    assert_eq!(fresh.wire.take(), ["find"]);
    let error = migrator.status().await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { collection: None, .. }), "{error}");
    assert!(error.to_string().contains("--collection"), "{error}");
    fresh.pass().await;
}
