//! Collections are created, dropped and renamed, and come back.

use std::time::Duration;

use mongrate::{
    Change, State,
    bson::{Document, doc},
};
use mongrate_tests::{TestDb, snapshot::snapshot};

use super::{find, insert, kept, migration, refused, there_and_back};

#[tokio::test]
async fn collections_are_created_and_dropped() {
    let fresh = TestDb::new("collections_are_created").await;
    there_and_back(&fresh, |change| {
        change.create_collection("plain");
        change
            .create_collection("checked")
            .validator(doc! { "a": { "$gte": 0 } })
            .validation_level("moderate")
            .validation_action("warn")
            .collation(doc! { "locale": "de" });
        change.create_collection("log").capped(8_192).max_documents(10);
        change.create_collection("all").view_on("plain", vec![doc! { "$match": { "a": 1 } }]);
    })
    .await;
    fresh.pass().await;
}

#[tokio::test]
async fn time_series_are_created_and_never_dropped_with_what_is_in_them() {
    let fresh = TestDb::new("time_series").await;
    fn declare(change: &mut Change) {
        change
            .create_collection("weather")
            .time_series("at")
            .meta_field("station")
            .granularity("minutes")
            .expire_after_seconds(3_600);
        change.coll_mod("weather").unset("expireAfterSeconds");
        change.coll_mod("weather").set("expireAfterSeconds", 90);
    }
    if fresh.version().await < (5, 0) {
        // The server does not know them, and says so.
        refused(&fresh, declare, &["operation 1", "timeseries"]).await;
        return fresh.pass().await;
    }
    there_and_back(&fresh, declare).await;
    refused(
        &fresh,
        |change| {
            change.drop_collection("weather");
        },
        &["time series", "online migration"],
    )
    .await;
    refused(&fresh, |change| change.rename_collection("weather", "b"), &["timeseries"]).await;
    refused(&fresh, |change| change.remove_field("weather", "a"), &["cannot be rewritten"]).await;
    let now = mongrate::bson::DateTime::now();
    insert(&fresh.db, "weather", [doc! { "at": now, "station": 1 }]).await;
    let error = fresh.migrator([migration(declare)]).down().await.unwrap_err();
    assert!(error.to_string().contains("cannot rename a time series"), "{error}");
    let weather = fresh.db.collection::<Document>("weather");
    assert_eq!(weather.count_documents(doc! {}).await.unwrap(), 1);
    fresh.pass().await;
}

#[tokio::test]
async fn options_that_the_server_does_not_know_are_refused_by_it() {
    let fresh = TestDb::new("options_that_the_server").await;
    fresh.db.run_command(doc! { "create": "plain" }).await.unwrap();
    fn images(change: &mut Change) {
        let set = change.coll_mod("plain");
        set.set("changeStreamPreAndPostImages", doc! { "enabled": true });
    }
    fn limits(change: &mut Change) {
        change.create_collection("log").capped(8_192);
        change.coll_mod("log").set("cappedSize", 16_384).set("cappedMax", 5);
    }
    if fresh.version().await >= (6, 0) {
        there_and_back(&fresh, images).await;
        fresh.migrator([migration(images)]).down().await.unwrap();
        there_and_back(&fresh, limits).await;
    } else {
        refused(&fresh, images, &["operation 1", "changeStreamPreAndPostImages"]).await;
        let error = fresh.migrator([migration(limits)]).up().await.unwrap_err();
        assert!(error.to_string().contains("operation 2"), "{error}");
    }
    fresh.pass().await;
}

#[tokio::test]
async fn a_created_collection_with_documents_is_kept_by_the_rollback() {
    let fresh = TestDb::new("a_created_collection").await;
    let migrator = fresh.migrator([migration(|change| {
        change.create_collection("users");
    })]);
    migrator.up().await.unwrap();
    insert(&fresh.db, "users", [doc! { "_id": 1 }]).await;
    migrator.down().await.unwrap();
    let names = kept(&fresh.db).await;
    assert_eq!(names, ["migrations.kept.1.0"]);
    assert_eq!(find(&fresh.db, &names[0], 1).await, doc! { "_id": 1 });
    // The next time another name is taken, and what is kept is left alone.
    migrator.up().await.unwrap();
    insert(&fresh.db, "users", [doc! { "_id": 2 }]).await;
    migrator.down().await.unwrap();
    assert_eq!(kept(&fresh.db).await, ["migrations.kept.1.0", "migrations.kept.1.0.2"]);

    let preview = migrator.purge().preview().await.unwrap();
    assert_eq!(preview.collections.len(), 2);
    assert!(!preview.purged && !preview.collections[0].applied);
    assert_eq!(kept(&fresh.db).await.len(), 2, "a preview removes nothing");
    let day = Duration::from_secs(86_400);
    assert!(migrator.purge().older_than(day).await.unwrap().collections.is_empty());
    assert!(migrator.purge().version(2).await.unwrap().collections.is_empty());
    let purged = migrator.purge().version(1).older_than(Duration::ZERO).await.unwrap();
    assert_eq!((purged.collections.len(), purged.purged), (2, true));
    assert_eq!(kept(&fresh.db).await, Vec::<String>::new());
    fresh.pass().await;
}

#[tokio::test]
async fn what_is_there_already_is_refused_unless_that_is_fine() {
    let fresh = TestDb::new("what_is_there_already").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "a": 1 }]).await;
    let users = fresh.db.collection::<Document>("users");
    let index = mongrate::mongodb::IndexModel::builder().keys(doc! { "a": 1 }).build();
    users.create_index(index).await.unwrap();
    refused(
        &fresh,
        |change| {
            change.create_collection("users");
        },
        &["operation 1", "`users` is there already", "if_not_exists"],
    )
    .await;
    refused(
        &fresh,
        |change| {
            change.create_index("users", doc! { "a": 1 });
        },
        &["`a_1` of `users` is there already"],
    )
    .await;
    refused(
        &fresh,
        |change| {
            change.create_index("users", doc! { "a": 1 }).unique(true).if_not_exists();
        },
        &["differs in unique"],
    )
    .await;
    refused(
        &fresh,
        |change| {
            change.create_collection("users").capped(4_096).if_not_exists();
        },
        &["with another `capped`"],
    )
    .await;
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(|change| {
        change.create_collection("users").if_not_exists();
        change.create_index("users", doc! { "a": 1 }).if_not_exists();
    })]);
    migrator.up().await.unwrap();
    assert_eq!(snapshot(&fresh.db).await, before);
    migrator.down().await.unwrap();
    assert_eq!(snapshot(&fresh.db).await, before, "the rollback leaves what it found");
    fresh.pass().await;
}

#[tokio::test]
async fn a_dropped_collection_comes_back_with_all_that_was_in_it() {
    let fresh = TestDb::new("a_dropped_collection").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "a": 1 }, doc! { "_id": "x" }]).await;
    let command = doc! { "collMod": "users", "validator": { "b": { "$exists": false } } };
    fresh.db.run_command(command).await.unwrap();
    fresh
        .db
        .run_command(doc! { "create": "adults", "viewOn": "users", "pipeline": [] })
        .await
        .unwrap();
    let index = doc! { "key": { "a": 1 }, "name": "x", "unique": true, "sparse": true };
    fresh.db.run_command(doc! { "createIndexes": "users", "indexes": [index] }).await.unwrap();
    let declare: fn(&mut Change) = |change| {
        change.drop_collection("adults");
        change.drop_collection("users");
        change.drop_collection("nobody").if_exists();
    };
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(declare)]);
    migrator.up().await.unwrap();
    assert!(snapshot(&fresh.db).await.is_empty());
    assert_eq!(kept(&fresh.db).await, ["migrations.kept.1.1"]);
    migrator.down().await.unwrap();
    assert_eq!(snapshot(&fresh.db).await, before);

    // Something else has the name by now; then what was kept is gone.
    migrator.up().await.unwrap();
    insert(&fresh.db, "users", [doc! { "_id": 9 }]).await;
    let error = migrator.down().await.unwrap_err();
    assert!(error.to_string().contains("another collection is called `users`"), "{error}");
    fresh.db.collection::<Document>("users").drop().await.unwrap();
    assert!(migrator.purge().await.unwrap().collections.is_empty(), "half-way, it is needed");
    migrator.down().await.unwrap();
    assert_eq!(snapshot(&fresh.db).await, before);

    migrator.up().await.unwrap();
    assert_eq!(migrator.purge().await.unwrap().collections[0].name, "migrations.kept.1.1");
    let error = migrator.down().await.unwrap_err();
    assert!(error.to_string().contains("`migrations.kept.1.1`, which is gone"), "{error}");
    assert!(snapshot(&fresh.db).await.is_empty(), "the view did not come back either");
    let status = migrator.status().await.unwrap();
    assert_eq!(status.migrations[0].state, State::Applied, "it was refused before it began");
    fresh.pass().await;
}

#[tokio::test]
async fn what_cannot_come_back_is_not_dropped() {
    let fresh = TestDb::new("what_cannot_come_back").await;
    refused(
        &fresh,
        |change| {
            change.drop_collection("nobody");
        },
        &["no collection `nobody`", "if_exists"],
    )
    .await;
    refused(&fresh, |change| change.rename_collection("nobody", "b"), &["no collection `nobody`"])
        .await;
    let command = doc! { "create": "view", "viewOn": "plain", "pipeline": [] };
    fresh.db.run_command(command).await.unwrap();
    refused(&fresh, |change| change.rename_collection("view", "b"), &["`view` is a view"]).await;
    refused(&fresh, |change| change.remove_field("view", "a"), &["cannot be rewritten"]).await;
    let command = doc! { "create": "log", "capped": true, "size": 8_192 };
    fresh.db.run_command(command).await.unwrap();
    refused(&fresh, |change| change.remove_field("log", "a"), &["is capped"]).await;
    fresh.pass().await;
}

#[tokio::test]
async fn collections_are_renamed() {
    let fresh = TestDb::new("collections_are_renamed").await;
    insert(&fresh.db, "a", [doc! { "_id": 1 }]).await;
    there_and_back(&fresh, |change| {
        change.rename_collection("a", "b");
        change.rename_collection("b", "c");
    })
    .await;
    insert(&fresh.db, "x", [doc! { "_id": 1 }]).await;
    refused(
        &fresh,
        |change| change.rename_collection("x", "c"),
        &["there is a collection `c` already"],
    )
    .await;
    fresh.pass().await;
}
