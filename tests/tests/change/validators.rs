//! A migration is not stopped by a validator that it sets or lifts itself, in either direction.

use mongrate::{
    Change, Migration,
    bson::{Document, doc},
};
use mongrate_tests::{TestDb, snapshot::snapshot};

use super::{find, fresh, insert, kept, migration, says, status};

/// Up and down twice: the same before and after.
async fn there_and_back(fresh: &TestDb, declare: fn(&mut Change)) {
    let migrator = fresh.migrator([migration(declare)]);
    let before = snapshot(&fresh.db).await;
    for _ in 0..2 {
        migrator.up().await.unwrap_or_else(|error| panic!("up: {error}"));
        migrator.down().await.unwrap_or_else(|error| panic!("down: {error}"));
        assert_eq!(snapshot(&fresh.db).await, before);
        assert_eq!(kept(&fresh.db).await, Vec::<String>::new());
    }
    migrator.up().await.unwrap();
}

fn requires(field: &str) -> Document {
    doc! { "$jsonSchema": { "required": [field] } }
}

/// A collection with documents that hold `old`, and a validator.
async fn with(test: &str, validator: Document, level: &str) -> TestDb {
    let fresh = fresh(test).await;
    let create = doc! { "create": "users", "validator": validator, "validationLevel": level };
    fresh.db.run_command(create).await.unwrap();
    let documents = (0..5).map(|n| doc! { "_id": n, "old": n.to_string(), "at": { "x": n } });
    insert(&fresh.db, "users", documents).await;
    fresh
}

#[tokio::test]
async fn a_validator_before_a_rename_does_not_stop_the_rollback() {
    for level in ["strict", "moderate"] {
        let fresh = with("before_a_rename", doc! {}, level).await;
        there_and_back(&fresh, |change| {
            change.set_validator("users", requires("new"));
            change.rename_field("users", "old", "new");
        })
        .await;
        // What users write is judged, as ever.
        let users = fresh.db.collection::<Document>("users");
        let error = users.insert_one(doc! { "_id": 99 }).await.unwrap_err();
        assert!(error.to_string().contains("121"), "{error}");
        fresh.pass().await;
    }
}

#[tokio::test]
async fn a_validator_that_is_replaced_or_lifted_stops_neither_direction() {
    let declarations: [fn(&mut Change); 8] = [
        |change| {
            change.rename_field("users", "old", "new");
            change.set_validator("users", requires("new"));
        },
        |change| {
            change.rename_field("users", "old", "new");
            change.unset_validator("users");
        },
        |change| {
            change.unset_validator("users");
            change.remove_field("users", "old");
        },
        |change| {
            change.remove_field("users", "old");
            change.coll_mod("users").set("validationLevel", "off");
        },
        |change| {
            change.set_validator("users", doc! { "old": { "$type": "int" } });
            change.change_type(
                "users",
                "old",
                mongrate::FieldType::String,
                mongrate::FieldType::Int,
            );
        },
        |change| {
            change.move_field("users", "old", "at.old");
            change.set_validator("users", doc! { "old": { "$exists": false } });
        },
        |change| {
            change.rename_collection("users", "people");
            change.rename_field("people", "old", "new");
            change.rename_collection("people", "guests");
            change.set_validator("guests", requires("new"));
            change.add_field("guests", "more", 1);
        },
        |change| {
            change.set_validator("users", requires("new"));
            change.update(
                "users",
                vec![doc! { "$set": { "new": "$old" } }, doc! { "$unset": "old" }],
                vec![doc! { "$set": { "old": "$new" } }, doc! { "$unset": "new" }],
            );
        },
    ];
    for declare in declarations {
        let fresh = with("replaced_or_lifted", requires("old"), "strict").await;
        there_and_back(&fresh, declare).await;
        fresh.pass().await;
    }
}

#[tokio::test]
async fn only_the_rewrites_go_past_the_validator() {
    let fresh = with("only_the_rewrites", requires("old"), "strict").await;
    let migrator = fresh.migrator([migration(|change| {
        change.rename_field("users", "old", "new");
        change.set_validator("users", requires("new"));
    })]);
    fresh.wire.take();
    migrator.up().await.unwrap();
    migrator.down().await.unwrap();
    let sent = fresh.wire.take_full();
    let changed: Vec<_> = sent.iter().filter(|(name, _)| name == "collMod").collect();
    assert_eq!(changed.len(), 2, "it is lifted for nobody: {changed:?}");
    for (_, command) in &sent {
        if command.contains_key("bypassDocumentValidation") {
            assert_eq!(command.get_str("update").unwrap(), "users", "{command}");
        }
    }
    // A collection whose validator it does not change is another matter.
    fresh.db.run_command(doc! { "create": "pets", "validator": requires("old") }).await.unwrap();
    insert(&fresh.db, "pets", [doc! { "_id": 7, "old": 1 }]).await;
    let two = fresh.migrator([Migration::declared(2, "two", |change| {
        change.set_validator("users", doc! {});
        change.rename_field("pets", "old", "new");
    })]);
    let error = two.up().await.unwrap_err();
    says(&error, &["operation 2", "the validator of `pets`", "121"]);
    assert_eq!(find(&fresh.db, "pets", 7).await, doc! { "_id": 7, "old": 1 });
    fresh.pass().await;
}

#[tokio::test]
async fn a_rollback_brings_back_what_a_validator_of_another_migration_refuses() {
    let fresh = with("of_another", doc! {}, "strict").await;
    let both = fresh.migrator([
        Migration::declared(1, "one", |change| {
            change.set_validator("users", requires("new")).level("moderate");
        }),
        Migration::declared(2, "two", |change| change.rename_field("users", "old", "new")),
    ]);
    both.up().to(1).await.unwrap();
    let before = snapshot(&fresh.db).await;
    both.up().await.unwrap();
    both.down().await.unwrap();
    assert_eq!(snapshot(&fresh.db).await, before);
    both.down().await.unwrap();
    fresh.pass().await;
}

#[tokio::test]
async fn what_does_not_fit_the_validator_in_force_is_named() {
    let fresh = with("does_not_fit", doc! {}, "strict").await;
    insert(&fresh.db, "users", [doc! { "_id": "odd" }]).await;
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(|change| {
        change.set_validator("users", requires("new"));
        change.rename_field("users", "old", "new");
    })]);
    let error = migrator.up().await.unwrap_err();
    says(&error, &["do not match the validator", "_id \"odd\"", "`up`", "`down`"]);
    let half_done = status(&migrator, 1).await.half_done.unwrap();
    assert!(half_done.up && half_done.down);
    migrator.down().await.unwrap();
    assert_eq!(snapshot(&fresh.db).await, before);

    migrator.up().await.unwrap_err();
    let users = fresh.db.collection::<Document>("users");
    let set = doc! { "$set": { "new": "x" } };
    users.update_one(doc! { "_id": "odd" }, set).await.unwrap();
    migrator.up().await.unwrap();
    fresh.pass().await;

    // A level that leaves old documents alone lets them pass.
    let fresh = with("does_not_fit_moderate", doc! {}, "strict").await;
    insert(&fresh.db, "users", [doc! { "_id": "odd" }]).await;
    there_and_back(&fresh, |change| {
        change.set_validator("users", requires("new")).level("moderate");
        change.rename_field("users", "old", "new");
    })
    .await;
    fresh.pass().await;
}
