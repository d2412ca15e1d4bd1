//! Fields are renamed, added, removed, moved and get another type, there and back.

use mongrate::{
    FieldType,
    bson::{Bson, Document, doc},
};
use mongrate_tests::TestDb;

use super::{find, insert, kept, migration, refused, there_and_back, with_shapes};

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
    let fresh = TestDb::new("a_rename_over").await;
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
    let fresh = TestDb::new("what_was_written_since").await;
    let users = fresh.db.collection::<Document>("users");
    let documents = [
        doc! { "_id": 1, "age": "007", "plan": "old", "gone": 1, "a": 1.5 },
        doc! { "_id": 2, "age": "008", "plan": "old", "gone": 2, "a": 2.5 },
    ];
    insert(&fresh.db, "users", documents).await;
    let migrator = fresh.migrator([migration(|change| {
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
    let fresh = TestDb::new("fields_are_moved").await;
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
        doc! { "_id": 24, "p": null, "q": { "p": null } },
    ];
    insert(&fresh.db, "users", blocked).await;
    refused(
        &fresh,
        |change| change.move_field("users", "p", "q.p"),
        &["4 documents of `users` whose `p` cannot be moved"],
    )
    .await;
    // Each by itself, as what is found of one may hide another.
    for blocked in [
        doc! { "p": 1, "q": { "p": 2 }, "y": 1 },
        doc! { "p": null, "q": { "p": null }, "y": null },
        doc! { "p": 1, "q": null, "y": false },
        doc! { "p": 1, "q": 5, "y": {} },
    ] {
        let alone = fresh.db.collection::<Document>("alone");
        alone.delete_many(doc! {}).await.unwrap();
        insert(&fresh.db, "alone", [blocked]).await;
        let says = ["1 document of `alone` whose `p` cannot be moved"];
        refused(&fresh, |change| change.move_field("alone", "p", "q.p"), &says).await;
        refused(&fresh, |change| change.move_field("alone", "p", "y"), &says).await;
    }
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
    let fresh = TestDb::new("a_rollback_over").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "a": 1 }, doc! { "_id": 2, "b": 2 }]).await;
    let migrator = fresh.migrator([migration(|change| change.rename_field("users", "a", "b"))]);
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
