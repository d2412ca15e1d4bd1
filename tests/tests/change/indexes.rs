//! Indexes, validators and options of collections, there and back.

use std::time::Duration;

use mongrate::{
    Change, Migration, State,
    bson::{Document, doc},
};
use mongrate_tests::{TestDb, snapshot::snapshot};

use super::{insert, migration, refused, there_and_back};

#[tokio::test]
async fn indexes_of_every_kind_are_created_and_dropped() {
    let fresh = TestDb::new("indexes_of_every_kind").await;
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
    let both = fresh.migrator([migration(all), Migration::declared(2, "two", none)]);
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
    let fresh = TestDb::new("an_index_that_is_not").await;
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
    let fresh = TestDb::new("indexes_are_hidden").await;
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
async fn a_unique_index_over_duplicates_can_be_fixed_and_resumed() {
    let fresh = TestDb::new("a_unique_index").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "a": 1 }, doc! { "_id": 2, "a": 1 }]).await;
    let migrator = fresh.migrator([migration(|change| {
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
    let other = fresh.migrator([migration(|change| {
        change.create_collection("other");
        change.create_index("users", doc! { "a": 1 });
    })]);
    let error = other.up().await.unwrap_err();
    assert!(error.to_string().contains("operation 1 was edited"), "{error}");
    let mended = fresh.migrator([migration(|change| {
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
    let fresh = TestDb::new("validators_and_options").await;
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
        &TestDb::new("validators_nowhere").await,
        |change| {
            change.set_validator("nobody", doc! {});
        },
        &["no collection `nobody`"],
    )
    .await;
    fresh.pass().await;
}
