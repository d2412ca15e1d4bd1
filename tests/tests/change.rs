//! Declared changes: each operation goes up, comes down and goes up again, and a rollback
//! restores what was there.

use std::time::Duration;

use mongrate::{
    BoxError, Change, Error, FieldType, Migration, Migrator, Online, Resolution, Result, State,
    bson::{Bson, Document, doc, oid::ObjectId},
    mongodb::Database,
};
use mongrate_tests::{Fresh, effects::versions, snapshot::snapshot};

const fn one(declare: fn(&mut Change)) -> Migration {
    Migration::declared(1, "one", declare)
}

async fn insert(db: &Database, collection: &str, documents: impl IntoIterator<Item = Document>) {
    db.collection(collection).insert_many(documents).await.unwrap();
}

async fn find(db: &Database, collection: &str, id: impl Into<Bson>) -> Document {
    let found = db.collection::<Document>(collection).find_one(doc! { "_id": id.into() }).await;
    found.unwrap().unwrap_or_default()
}

async fn kept(db: &Database) -> Vec<String> {
    let mut names = db.list_collection_names().await.unwrap();
    names.retain(|name| name.starts_with("migrations.kept."));
    names.sort();
    names
}

/// Up, down, up, down: the same before and after, each time; something happens in between.
async fn there_and_back(fresh: &Fresh, declare: fn(&mut Change)) {
    let migrator = fresh.migrator([one(declare)]);
    let before = snapshot(&fresh.db).await;
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    let after = snapshot(&fresh.db).await;
    assert_ne!(before, after, "it does something");
    for _ in 0..2 {
        migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(snapshot(&fresh.db).await, before, "the rollback restores what was there");
        assert_eq!(kept(&fresh.db).await, Vec::<String>::new(), "nothing is left over");
        migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(snapshot(&fresh.db).await, after, "and again");
    }
    migrator.redo().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(snapshot(&fresh.db).await, after, "and at once");
}

/// That `up` fails with these words, before anything is changed.
async fn refused(fresh: &Fresh, declare: fn(&mut Change), words: &[&str]) {
    let before = (snapshot(&fresh.db).await, kept(&fresh.db).await);
    let two = fresh.migrator([Migration::declared(2, "two", declare)]);
    let error = two.up().await.unwrap_err();
    for words in words {
        assert!(error.to_string().contains(words), "`{words}` is not in: {error}");
    }
    let after = (snapshot(&fresh.db).await, kept(&fresh.db).await);
    assert_eq!(after, before, "nothing was changed");
    two.resolve(2, Resolution::Pending).await.unwrap();
}

#[tokio::test]
async fn collections_are_created_and_dropped() {
    let fresh = Fresh::new("collections_are_created").await;
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
    let fresh = Fresh::new("time_series").await;
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
    let error = fresh.migrator([one(declare)]).down().await.unwrap_err();
    assert!(error.to_string().contains("cannot rename a time series"), "{error}");
    let weather = fresh.db.collection::<Document>("weather");
    assert_eq!(weather.count_documents(doc! {}).await.unwrap(), 1);
    fresh.pass().await;
}

#[tokio::test]
async fn options_that_the_server_does_not_know_are_refused_by_it() {
    let fresh = Fresh::new("options_that_the_server").await;
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
        fresh.migrator([one(images)]).down().await.unwrap();
        there_and_back(&fresh, limits).await;
    } else {
        refused(&fresh, images, &["operation 1", "changeStreamPreAndPostImages"]).await;
        let error = fresh.migrator([one(limits)]).up().await.unwrap_err();
        assert!(error.to_string().contains("operation 2"), "{error}");
    }
    fresh.pass().await;
}

#[tokio::test]
async fn a_created_collection_with_documents_is_kept_by_the_rollback() {
    let fresh = Fresh::new("a_created_collection").await;
    let migrator = fresh.migrator([one(|change| {
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
    let fresh = Fresh::new("what_is_there_already").await;
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
    let migrator = fresh.migrator([one(|change| {
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
    let fresh = Fresh::new("a_dropped_collection").await;
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
    let migrator = fresh.migrator([one(declare)]);
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
    let fresh = Fresh::new("what_cannot_come_back").await;
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
    let fresh = Fresh::new("collections_are_renamed").await;
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

#[tokio::test]
async fn indexes_of_every_kind_are_created_and_dropped() {
    let fresh = Fresh::new("indexes_of_every_kind").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "a": 1 }]).await;
    fn all(change: &mut Change) {
        let of = "users";
        change.create_index(of, doc! { "a": 1 }).unique(true);
        change.create_index(of, doc! { "b": -1, "c": 1 }).sparse(true).name("bc").hidden(true);
        change.create_index(of, doc! { "at": 1 }).expire_after(Duration::from_secs(86_400));
        change
            .create_index(of, doc! { "d": 1 })
            .partial_filter(doc! { "d": { "$gt": 5 } })
            .collation(doc! { "locale": "de", "strength": 2 });
        change
            .create_index(of, doc! { "u": 1, "t": "text", "s": "text" })
            .weights(doc! { "t": 10 })
            .default_language("german")
            .language_override("sprache");
        change.create_index(of, doc! { "$**": 1 }).wildcard_projection(doc! { "x": 1 });
        change.create_index(of, doc! { "sub.$**": 1 });
        change.create_index(of, doc! { "place": "2dsphere" });
        change.create_index(of, doc! { "flat": "2d" }).option("bits", 20).option("min", -10);
        change.create_index(of, doc! { "h": "hashed" }).commit_quorum("majority");
        change.create_index("new", doc! { "a": 1 });
    }
    fn none(change: &mut Change) {
        let of = "users";
        change.drop_index(of, doc! { "a": 1 }).unique(true);
        change.drop_index(of, doc! { "b": -1, "c": 1 }).sparse(true).hidden(true);
        change.drop_index(of, doc! { "at": 1 }).expire_after(Duration::from_secs(86_400));
        change
            .drop_index(of, doc! { "d": 1 })
            .partial_filter(doc! { "d": { "$gt": 5 } })
            .collation(doc! { "locale": "de", "strength": 2 });
        change
            .drop_index(of, doc! { "u": 1, "t": "text", "s": "text" })
            .weights(doc! { "t": 10 })
            .default_language("german")
            .language_override("sprache");
        change.drop_index(of, doc! { "$**": 1 }).wildcard_projection(doc! { "x": 1 });
        change.drop_index(of, doc! { "sub.$**": 1 });
        change.drop_index(of, doc! { "place": "2dsphere" });
        change.drop_index(of, doc! { "flat": "2d" }).option("bits", 20).option("min", -10);
        change.drop_index(of, doc! { "h": "hashed" }).name("h_hashed");
        change.drop_index(of, doc! { "nothing": 1 }).if_exists();
    }
    there_and_back(&fresh, all).await;
    let before = snapshot(&fresh.db).await;
    let both = fresh.migrator([one(all), Migration::declared(2, "two", none)]);
    both.up().await.unwrap_or_else(|error| panic!("{error}"));
    let mut names = fresh.db.collection::<Document>("users").list_index_names().await.unwrap();
    names.sort();
    assert_eq!(names, ["_id_"]);
    both.down().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(snapshot(&fresh.db).await, before, "every index came back as it was");
    both.down().await.unwrap();
    fresh.pass().await;
}

#[tokio::test]
async fn an_index_that_is_not_what_is_declared_is_not_dropped() {
    let fresh = Fresh::new("an_index_that_is_not").await;
    let index = doc! { "key": { "a": 1 }, "name": "a_1", "sparse": true };
    fresh.db.run_command(doc! { "createIndexes": "users", "indexes": [index] }).await.unwrap();
    refused(
        &fresh,
        |change| {
            change.drop_index("users", doc! { "a": 1 });
        },
        &["differs in sparse"],
    )
    .await;
    refused(
        &fresh,
        |change| {
            change.drop_index("users", doc! { "b": 1 });
        },
        &["no index `b_1`", "a_1", "if_exists"],
    )
    .await;
    fresh.pass().await;
}

#[tokio::test]
async fn indexes_are_hidden_and_expire() {
    let fresh = Fresh::new("indexes_are_hidden").await;
    let ttl = doc! { "key": { "at": 1 }, "name": "ttl", "expireAfterSeconds": 60 };
    let plain = doc! { "key": { "a": 1 }, "name": "a_1" };
    let hidden = doc! { "key": { "b": 1 }, "name": "b_1", "hidden": true };
    fresh
        .db
        .run_command(doc! { "createIndexes": "users", "indexes": [ttl, plain, hidden] })
        .await
        .unwrap();
    there_and_back(&fresh, |change| {
        change.hide_index("users", "a_1");
        change.unhide_index("users", "b_1");
        change.expire_after("users", "ttl", Duration::from_secs(3_600));
    })
    .await;
    refused(&fresh, |change| change.hide_index("users", "a_1"), &["is hidden already"]).await;
    refused(&fresh, |change| change.hide_index("users", "z"), &["no index `z`"]).await;
    refused(
        &fresh,
        |change| change.expire_after("users", "a_1", Duration::from_secs(1)),
        &["no document expires"],
    )
    .await;
    fresh.pass().await;
}

#[tokio::test]
async fn a_unique_index_over_duplicates_can_be_mended_and_gone_on_with() {
    let fresh = Fresh::new("a_unique_index").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "a": 1 }, doc! { "_id": 2, "a": 1 }]).await;
    let migrator = fresh.migrator([one(|change| {
        change.create_collection("first");
        change.create_index("users", doc! { "a": 1 }).unique(true);
    })]);
    let error = migrator.up().await.unwrap_err();
    assert!(
        error.to_string().contains("11000") && error.to_string().contains("operation 2"),
        "{error}"
    );
    assert_eq!(migrator.status().await.unwrap().migrations[0].state, State::Failed);
    // Nothing is left of the second operation: it may be edited. The first one may not.
    let other = fresh.migrator([one(|change| {
        change.create_collection("other");
        change.create_index("users", doc! { "a": 1 });
    })]);
    let error = other.up().await.unwrap_err();
    assert!(error.to_string().contains("operation 1 was edited"), "{error}");
    let mended = fresh.migrator([one(|change| {
        change.create_collection("first");
        change.create_index("users", doc! { "a": 1 });
    })]);
    mended.up().await.unwrap();
    mended.down().await.unwrap();
    let names = fresh.db.list_collection_names().await.unwrap();
    assert!(!names.contains(&"first".to_owned()), "{names:?}");
    fresh.pass().await;
}

#[tokio::test]
async fn validators_and_options_are_set_back() {
    let fresh = Fresh::new("validators_and_options").await;
    fresh.db.run_command(doc! { "create": "plain" }).await.unwrap();
    fresh
        .db
        .run_command(doc! {
            "create": "checked", "validator": { "a": 1 }, "validationLevel": "moderate",
            "validationAction": "warn",
        })
        .await
        .unwrap();
    fresh
        .db
        .run_command(doc! { "create": "view", "viewOn": "plain", "pipeline": [] })
        .await
        .unwrap();
    there_and_back(&fresh, |change| {
        change.set_validator("plain", doc! { "b": { "$exists": true } });
        change.set_validator("plain", doc! { "c": 1 }).level("moderate").action("warn");
        change.set_validator("checked", doc! { "b": 1 }).level("strict");
        change.unset_validator("checked");
        change.coll_mod("checked").set("validator", doc! { "z": 1 }).unset("validationLevel");
        change
            .coll_mod("view")
            .set("viewOn", "checked")
            .set("pipeline", vec![doc! { "$limit": 1 }]);
    })
    .await;
    refused(
        &Fresh::new("validators_nowhere").await,
        |change| {
            change.set_validator("nobody", doc! {});
        },
        &["no collection `nobody`"],
    )
    .await;
    fresh.pass().await;
}

/// Documents of all shapes that the paths of the tests meet.
fn shapes() -> Vec<Document> {
    let date = mongrate::bson::DateTime::from_millis(1_700_000_000_123);
    vec![
        doc! { "_id": 1, "before": 0, "name": "anna", "after": 0 },
        doc! { "_id": 2, "address": { "zip": "1", "city": "Ghent", "street": "x" } },
        doc! { "_id": 3, "address": { "city": null } },
        doc! { "_id": 4, "address": {} },
        doc! { "_id": 5, "address": null },
        doc! { "_id": 6, "address": "Ghent" },
        doc! { "_id": 7, "address": [{ "city": "a" }, { "city": "b", "zip": 1 }, 5, null, {}] },
        doc! { "_id": 8, "items": [{ "price": "1" }, { "price": "02" }, { "cost": "3" }] },
        doc! { "_id": 9, "items": { "price": "007" } },
        doc! { "_id": 10, "items": [] },
        doc! { "_id": 11, "items": [[{ "price": "5" }]] },
        doc! { "_id": "twelve", "city": "Bruges", "name": { "first": "b", "last": "c" } },
        doc! { "_id": 13_i64, "title": "already", "n": 1.5, "m": date },
        doc! { "_id": 14.5, "n": -0.0, "m": f64::NAN },
        doc! { "_id": ObjectId::from_bytes([7; 12]), "n": 3, "m": 4_i64 },
        doc! { "_id": { "a": 1, "b": 2 }, "n": "12", "m": true },
        doc! { "_id": true, "a.b": 1, "name": "dots" },
    ]
}

async fn with_shapes(test: &str) -> Fresh {
    let fresh = Fresh::new(test).await;
    insert(&fresh.db, "users", shapes()).await;
    fresh
}

#[tokio::test]
async fn fields_are_renamed_in_their_place() {
    let fresh = with_shapes("fields_are_renamed").await;
    there_and_back(&fresh, |change| {
        change.rename_field("users", "name", "title");
        change.rename_field("users", "address.city", "address.town");
        change.rename_field("users", "items.price", "items.cost");
        change.rename_field("nobody", "a", "b");
    })
    .await;
    let of = async |id: Bson| find(&fresh.db, "users", id).await.to_string();
    let first = doc! { "_id": 1, "before": 0, "title": "anna", "after": 0 };
    assert_eq!(of(1.into()).await, first.to_string(), "in its place");
    let second = doc! { "_id": 2, "address": { "zip": "1", "town": "Ghent", "street": "x" } };
    assert_eq!(of(2.into()).await, second.to_string());
    let array = doc! { "_id": 8, "items": [{ "cost": "1" }, { "cost": "02" }, { "cost": "3" }] };
    assert_eq!(of(8.into()).await, array.to_string(), "in each document of an array");
    fresh.pass().await;
}

#[tokio::test]
async fn a_rename_over_something_is_refused_with_the_documents() {
    let fresh = Fresh::new("a_rename_over").await;
    let both = (0..7).map(|id| doc! { "_id": id, "items": [{ "a": 1 }, { "a": 1, "b": 2 }] });
    insert(&fresh.db, "users", both).await;
    // In different documents of an array: that is none.
    insert(&fresh.db, "users", [doc! { "_id": 8, "items": [{ "a": 1 }, { "b": 2 }] }]).await;
    refused(
        &fresh,
        |change| change.rename_field("users", "items.a", "items.b"),
        &["7 documents of `users` with both `items.a` and `items.b`", "_id 0, 1, 2, 3, 4"],
    )
    .await;
    fresh.pass().await;
}

#[tokio::test]
async fn what_was_written_since_is_not_lost_by_a_rollback() {
    let fresh = Fresh::new("what_was_written_since").await;
    let users = fresh.db.collection::<Document>("users");
    let documents = [
        doc! { "_id": 1, "age": "007", "plan": "old", "gone": 1, "a": 1.5 },
        doc! { "_id": 2, "age": "008", "plan": "old", "gone": 2, "a": 2.5 },
    ];
    insert(&fresh.db, "users", documents).await;
    let migrator = fresh.migrator([one(|change| {
        change.change_type("users", "age", FieldType::String, FieldType::Int);
        change.remove_field("users", "gone");
        change.add_field("users", "extra", "default");
        change.update(
            "users",
            vec![doc! { "$set": { "a": { "$floor": "$a" } } }],
            vec![doc! { "$set": { "a": { "$add": ["$a", 0.25] } } }],
        );
    })]);
    migrator.up().await.unwrap();
    let write = doc! { "$set": { "age": 9, "gone": "new", "extra": "mine", "a": 7.0, "other": 1 } };
    users.update_one(doc! { "_id": 1 }, write).await.unwrap();
    let other = doc! { "$set": { "other": 2 } };
    users.update_one(doc! { "_id": 2 }, other).await.unwrap();
    insert(&fresh.db, "users", [doc! { "_id": 3, "age": 5, "extra": "default", "a": 1.0 }]).await;
    migrator.down().await.unwrap();
    assert_eq!(
        find(&fresh.db, "users", 1).await,
        doc! { "_id": 1, "age": "9", "plan": "old", "gone": "new", "a": 7.25, "other": 1 },
        "what was changed since goes back by the rule"
    );
    assert_eq!(
        find(&fresh.db, "users", 2).await,
        doc! { "_id": 2, "age": "008", "plan": "old", "gone": 2, "a": 2.5, "other": 2 },
        "what was not is as it was"
    );
    assert_eq!(find(&fresh.db, "users", 3).await, doc! { "_id": 3, "age": "5", "a": 1.25 });
    // What it had to overwrite, and what it could not set back, is kept.
    let names = kept(&fresh.db).await;
    let of = async |name: &str| find(&fresh.db, name, 1).await;
    assert_eq!(
        names,
        [
            "migrations.kept.1.0",
            "migrations.kept.1.1",
            "migrations.kept.1.2.back",
            "migrations.kept.1.3"
        ]
    );
    assert_eq!(
        of("migrations.kept.1.0").await.get_array("before").unwrap()[0],
        Bson::Document(doc! { "d": 1, "v": "007" })
    );
    assert_eq!(
        of("migrations.kept.1.2.back").await.get_array("before").unwrap()[0],
        Bson::Document(doc! { "d": 1, "v": "mine" })
    );
    fresh.pass().await;
}

#[tokio::test]
async fn fields_are_added_and_removed() {
    let fresh = with_shapes("fields_are_added").await;
    there_and_back(&fresh, |change| {
        change.add_field("users", "plan", "free");
        change.add_field("users", "name", Bson::Null);
        change.add_field("users", "address.city", doc! { "deep": [1, "$name"] });
        change.add_field("users", "items.price", 0);
        change.add_field("users", "new.sub.field", 1);
        change.remove_field("users", "address.zip");
        change.remove_field("users", "items.price");
        change.remove_field("users", "n");
        change.remove_field("users", "m");
    })
    .await;
    let first = find(&fresh.db, "users", 1).await;
    assert_eq!(first.get_document("new").unwrap(), &doc! { "sub": { "field": 1 } });
    assert_eq!(find(&fresh.db, "users", 5).await.get("address"), Some(&Bson::Null), "left alone");
    let deep = doc! { "deep": [1, "$name"] };
    assert_eq!(first.get_document("address").unwrap().get_document("city").unwrap(), &deep);
    fresh.pass().await;
}

#[tokio::test]
async fn types_are_changed_both_ways() {
    let fresh = with_shapes("types_are_changed").await;
    there_and_back(&fresh, |change| {
        change.change_type("users", "items.price", FieldType::String, FieldType::Int);
        change.change_type("users", "items.price", FieldType::Int, FieldType::Decimal);
        change.change_type("users", "n", FieldType::Double, FieldType::Int).leave_others();
        change.change_type("users", "n", FieldType::Int, FieldType::Long).leave_others();
        change.change_type("users", "m", FieldType::Double, FieldType::Date).replace_others(-1);
        change.change_type("users", "name", FieldType::String, FieldType::Bool).leave_others();
    })
    .await;
    refused(
        &with_shapes("types_refused").await,
        |change| {
            change.change_type("users", "n", FieldType::String, FieldType::Int);
        },
        &["2 documents of `users` whose `n` is no string that can become int"],
    )
    .await;
    fresh.pass().await;
}

#[tokio::test]
async fn fields_are_moved() {
    let fresh = Fresh::new("fields_are_moved").await;
    let documents = [
        doc! { "_id": 1, "city": "a" },
        doc! { "_id": 2, "city": { "x": 1 }, "address": { "zip": 1 } },
        doc! { "_id": 3, "address": {} },
        doc! { "_id": 4, "city": null, "address": {} },
        doc! { "_id": 5, "address": { "city": "there already" } },
        doc! { "_id": 6, "a": { "b": 1, "c": 2 } },
        doc! { "_id": 7, "a": { "b": 1 } },
        doc! { "_id": 8, "a": 5, "z": { "q": 5 } },
    ];
    insert(&fresh.db, "users", documents).await;
    there_and_back(&fresh, |change| {
        change.move_field("users", "city", "address.city");
        change.move_field("users", "a.b", "b");
        change.move_field("users", "b", "x.y.b");
        change.move_field("users", "z.q", "w.q");
    })
    .await;
    assert_eq!(
        find(&fresh.db, "users", 2).await,
        doc! { "_id": 2, "address": { "zip": 1, "city": { "x": 1 } } }
    );
    let blocked = [
        doc! { "_id": 20, "p": 1, "q": { "p": 2 } },
        doc! { "_id": 21, "p": 1, "q": null },
        doc! { "_id": 22, "p": 1, "q": [] },
        doc! { "_id": 23, "q": { "p": 2 } },
    ];
    insert(&fresh.db, "users", blocked).await;
    refused(
        &fresh,
        |change| change.move_field("users", "p", "q.p"),
        &["3 documents of `users` whose `p` cannot be moved"],
    )
    .await;
    insert(&fresh.db, "users", [doc! { "_id": 30, "r": [{ "s": 1 }] }]).await;
    refused(
        &fresh,
        |change| change.move_field("users", "r.s", "s"),
        &["1 document of `users` whose `r.s` cannot be moved", "an array"],
    )
    .await;
    fresh.pass().await;
}

#[tokio::test]
async fn a_rollback_over_something_is_refused_before_it_begins() {
    let fresh = Fresh::new("a_rollback_over").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "a": 1 }, doc! { "_id": 2, "b": 2 }]).await;
    let migrator = fresh.migrator([one(|change| change.rename_field("users", "a", "b"))]);
    migrator.up().await.unwrap();
    // A document that was left alone is none of it.
    let users = fresh.db.collection::<Document>("users");
    users.update_one(doc! { "_id": 2 }, doc! { "$set": { "a": 1 } }).await.unwrap();
    users.update_one(doc! { "_id": 1 }, doc! { "$set": { "a": 9 } }).await.unwrap();
    let error = migrator.down().await.unwrap_err();
    assert!(error.to_string().contains("1 document of `users` with both `b` and `a`"), "{error}");
    users.update_one(doc! { "_id": 1 }, doc! { "$unset": { "a": 1 } }).await.unwrap();
    migrator.down().await.unwrap();
    assert_eq!(find(&fresh.db, "users", 1).await, doc! { "_id": 1, "a": 1 });
    assert_eq!(find(&fresh.db, "users", 2).await, doc! { "_id": 2, "b": 2, "a": 1 });
    fresh.pass().await;
}

#[tokio::test]
async fn pipelines_go_both_ways() {
    let fresh = with_shapes("pipelines_go").await;
    there_and_back(&fresh, |change| {
        change
            .update(
                "users",
                vec![doc! { "$set": { "n": { "$multiply": ["$n", 2] } } }],
                vec![doc! { "$set": { "n": { "$divide": ["$n", 2] } } }],
            )
            .filter(doc! { "n": { "$type": "number" } })
            .backward_filter(doc! { "n": { "$type": "number" } });
        change
            .update(
                "users",
                vec![doc! { "$replaceWith": { "name": "$name", "all": "$$ROOT" } }],
                vec![doc! { "$replaceWith": "$all" }],
            )
            .filter(doc! { "name": { "$exists": true } })
            .backward_filter(doc! { "all": { "$exists": true } });
        change.update("users", vec![doc! { "$unset": ["items", "address"] }], vec![]);
    })
    .await;
    fresh.pass().await;
}

#[tokio::test]
async fn what_a_pipeline_computes_anew_each_time_is_read_and_kept() {
    let fresh = Fresh::new("what_a_pipeline_computes").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "seen": "old" }, doc! { "_id": 2 }]).await;
    let migrator = fresh.migrator([one(|change| {
        let now = vec![doc! { "$set": { "seen": "$$NOW" } }];
        change.update("users", now, vec![doc! { "$unset": "seen" }]);
    })]);
    migrator.up().await.unwrap();
    migrator.down().await.unwrap();
    assert_eq!(find(&fresh.db, "users", 1).await, doc! { "_id": 1, "seen": "old" });
    assert_eq!(find(&fresh.db, "users", 2).await, doc! { "_id": 2 });
    assert_eq!(kept(&fresh.db).await, ["migrations.kept.1.0.back"], "the moment is not lost");
    fresh.pass().await;
}

async fn seed(on: &mut Online<'_>) -> Result {
    on.transaction("seed", async |tx| {
        let mut plans = tx.collection::<Document>("plans");
        plans.insert_one(doc! { "_id": 1 }).await?;
        Ok(())
    })
    .await
}

async fn unseed(on: &mut Online<'_>) -> Result {
    on.transaction("seed", async |tx| {
        let mut plans = tx.collection::<Document>("plans");
        plans.delete_one(doc! { "_id": 1 }).await?;
        Ok(())
    })
    .await
}

async fn seed_more(on: &mut Online<'_>) -> Result<(), std::io::Error> {
    let mut plans = vec![doc! { "$set": { "more": true } }];
    plans.truncate(1);
    on.backfill("seed", "plans").update(plans).await.map_err(std::io::Error::other)?;
    Ok(())
}

#[tokio::test]
async fn functions_run_both_ways() {
    let fresh = Fresh::new("functions_run").await;
    there_and_back(&fresh, |change| {
        change.create_collection("plans");
        change.run(seed, unseed);
        change.run(seed_more, async |on: &mut Online<'_>| -> Result<(), BoxError> {
            on.backfill("seed", "plans").update(vec![doc! { "$unset": "more" }]).await?;
            Ok(())
        });
    })
    .await;
    assert_eq!(find(&fresh.db, "plans", 1).await, doc! { "_id": 1, "more": true });
    fresh.pass().await;
}

#[tokio::test]
async fn mistakes_are_told_before_anything_runs() {
    let fresh = Fresh::new("mistakes_are_told").await;
    let migrator = fresh.migrator([one(|change| {
        change.rename_field("users", "a", "a");
        change.create_index("users", doc! { "a": 1 }).option("uniq", true);
        change.drop_collection("migrations");
        change.create_index("users", doc! { "b": 1 }).expire_after(Duration::from_millis(1_500));
    })]);
    for error in [
        migrator.plan().await.unwrap_err(),
        migrator.check().await.unwrap_err(),
        migrator.up().await.unwrap_err(),
        migrator.status().await.unwrap_err(),
    ] {
        let Error::Registry { problems } = &error else { panic!("{error}") };
        assert_eq!(problems.len(), 3, "{error}");
        assert!(
            error.to_string().contains("1 `one` (made by hand): operation 2: `uniq`"),
            "{error}"
        );
    }
    let ours = fresh.migrator([one(|change| {
        change.drop_collection("migrations");
    })]);
    let error = ours.up().await.unwrap_err();
    assert!(error.to_string().contains("`migrations` belongs to mongrate"), "{error}");
    assert!(fresh.wire.take().is_empty(), "no connection was made");
    fresh.pass().await;
}

#[tokio::test]
async fn a_plan_shows_the_operations_and_how_many_documents_they_touch() {
    let fresh = with_shapes("a_plan_shows").await;
    let migrator = fresh.migrator([one(|change| {
        change.create_index("users", doc! { "name": 1 });
        change.rename_field("users", "name", "title");
        change.add_field("users", "plan", "free");
    })]);
    let plan = migrator.plan().await.unwrap();
    let shown: Vec<_> = plan.steps[0]
        .operations
        .iter()
        .map(|one| (one.operation.as_str(), one.undo.as_str(), one.documents))
        .collect();
    assert_eq!(
        shown,
        [
            (
                "create index `name_1` on `users` { \"name\": 1 }",
                "drop index `name_1` of `users`",
                None
            ),
            (
                "rename field `name` of `users` to `title`",
                "rename field `title` of `users` back to `name`",
                Some(3)
            ),
            (
                "add field `plan` to `users`, default \"free\"",
                "remove field `plan` of `users`, where it was added",
                Some(17)
            ),
        ]
    );
    migrator.up().await.unwrap();
    let down = migrator.down().plan().await.unwrap();
    assert!(down.steps[0].operations[0].undo.starts_with("remove field `plan`"), "last one first");
    fresh.pass().await;
}

#[tokio::test]
async fn what_was_recorded_without_being_run_is_undone_as_far_as_that_can_be() {
    let fresh = Fresh::new("what_was_recorded").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "b": 1 }]).await;
    let index = doc! { "key": { "b": 1 }, "name": "b_1" };
    fresh.db.run_command(doc! { "createIndexes": "users", "indexes": [index] }).await.unwrap();
    let migrator = fresh.migrator([one(|change| {
        change.rename_field("users", "a", "b");
        change.create_index("users", doc! { "b": 1 });
    })]);
    migrator.baseline(1).await.unwrap();
    migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(find(&fresh.db, "users", 1).await, doc! { "_id": 1, "a": 1 });
    let names = fresh.db.collection::<Document>("users").list_index_names().await.unwrap();
    assert_eq!(names, ["_id_"]);

    let migrator = fresh.migrator([one(|change| change.remove_field("users", "a"))]);
    migrator.baseline(1).await.unwrap();
    let error = migrator.down().await.unwrap_err();
    assert!(error.to_string().contains("without being run"), "{error}");
    fresh.pass().await;
}

#[tokio::test]
async fn an_edit_of_what_is_applied_is_seen_by_the_rollback() {
    let fresh = Fresh::new("an_edit_of").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "a": 1 }]).await;
    let two: fn(&mut Change) = |change| {
        change.rename_field("users", "a", "b");
        change.create_collection("other");
    };
    fresh.migrator([one(two)]).up().await.unwrap();
    let before = snapshot(&fresh.db).await;
    type Edit = (fn(&mut Change), &'static str);
    let edits: [Edit; 2] = [
        (
            |change| {
                change.rename_field("users", "a", "c");
                change.create_collection("other");
            },
            "operation 1 was edited since it was run: it was to rename field `a` of `users` to `b`",
        ),
        (|change| change.rename_field("users", "a", "b"), "it had more operations"),
    ];
    for (edited, words) in edits {
        let error = fresh.migrator([one(edited)]).down().await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(snapshot(&fresh.db).await, before);
    }
    fresh.migrator([one(two)]).down().await.unwrap();
    fresh.pass().await;
}

#[tokio::test]
async fn an_edited_declaration_is_drift() {
    let fresh = Fresh::new("an_edited_declaration").await;
    let declare: fn(&mut Change) = |change| {
        change.create_collection("a");
    };
    fresh.migrator([one(declare).with_checksum("v1:sha256:1")]).up().await.unwrap();
    let edited = fresh.migrator([one(declare).with_checksum("v1:sha256:2")]);
    assert!(matches!(edited.up().await.unwrap_err(), Error::Drift(_)));
    edited.repair().await.unwrap();
    assert!(edited.up().await.unwrap().is_empty());
    assert_eq!(edited.down().await.unwrap().versions(), versions([1]));
    fresh.pass().await;
}

#[tokio::test]
async fn the_values_of_a_removed_field_do_not_come_back_after_a_purge() {
    let fresh = Fresh::new("the_values_of").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "a": 1 }]).await;
    let migrator: Migrator = fresh.migrator([one(|change| {
        change.remove_field("users", "a");
        change.create_collection("other");
    })]);
    migrator.up().await.unwrap();
    let purged = migrator.purge().await.unwrap();
    assert!(purged.collections[0].applied);
    let error = migrator.down().await.unwrap_err();
    assert!(error.to_string().contains("`migrations.kept.1.0`, which is gone"), "{error}");
    let names = fresh.db.list_collection_names().await.unwrap();
    assert!(names.contains(&"other".to_owned()), "refused before the first operation is undone");
    fresh.pass().await;
}
