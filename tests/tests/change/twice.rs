//! Documents with a field twice are refused by their `_id`, before anything is changed.

use futures_util::TryStreamExt as _;
use mongrate::{
    Change, FieldType, Migration,
    bson::{Document, RawArrayBuf, RawBson, RawDocumentBuf, doc, raw::cstr},
    mongodb::Database,
};
use mongrate_tests::TestDb;

use super::{fresh, insert, kept, migration, says};

/// `{ x: 1, x: 2 }`.
fn pair() -> RawDocumentBuf {
    let mut document = RawDocumentBuf::new();
    document.append(cstr!("x"), 1);
    document.append(cstr!("x"), 2);
    document
}

/// `{ z: 1, z: 2 }`.
fn pair_without_x() -> RawDocumentBuf {
    let mut document = RawDocumentBuf::new();
    document.append(cstr!("z"), 1);
    document.append(cstr!("z"), 2);
    document
}

async fn raw(db: &Database) -> Vec<Vec<u8>> {
    let users = db.collection::<RawDocumentBuf>("users");
    let found = users.find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap();
    let found: Vec<RawDocumentBuf> = found.try_collect().await.unwrap();
    found.into_iter().map(RawDocumentBuf::into_bytes).collect()
}

/// A sound document, and one with a field twice in this place, which has the `_id` 7.
async fn with(test: &str, build: fn(&mut RawDocumentBuf)) -> TestDb {
    let fresh = fresh(test).await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "old": "1", "sub": { "x": "1" } }]).await;
    let mut document = RawDocumentBuf::new();
    document.append(cstr!("_id"), 7);
    build(&mut document);
    fresh.db.collection::<RawDocumentBuf>("users").insert_one(document).await.unwrap();
    fresh
}

async fn refused(fresh: &TestDb, migration: Migration) {
    let before = raw(&fresh.db).await;
    let migrator = fresh.migrator([migration]);
    let error = migrator.up().await.unwrap_err();
    says(&error, &["`users`", "twice", "_id 7", "nothing was changed"]);
    assert!(!error.to_string().contains("_id 1,"), "{error}");
    assert_eq!(raw(&fresh.db).await, before);
    assert_eq!(kept(&fresh.db).await, Vec::<String>::new());
    migrator.resolve(migration.version(), mongrate::Resolution::Pending).await.unwrap();
}

const AT_THE_TOP: [fn(&mut Change); 6] = [
    |change| change.rename_field("users", "old", "new"),
    |change| change.add_field("users", "added", 1),
    |change| change.remove_field("users", "old"),
    |change| {
        change.change_type("users", "old", FieldType::String, FieldType::Int);
    },
    |change| change.move_field("users", "old", "sub.old"),
    |change| {
        change.update("users", vec![doc! { "$set": { "z": 1 } }], vec![doc! { "$unset": "z" }]);
    },
];

#[tokio::test]
async fn at_the_top_of_a_document() {
    let fresh = with("twice_top", |document| {
        document.append(cstr!("old"), "1");
        document.append(cstr!("old"), "2");
    })
    .await;
    for declare in AT_THE_TOP {
        refused(&fresh, migration(declare)).await;
    }
    fresh.pass().await;
}

#[tokio::test]
async fn in_the_documents_on_the_way_and_in_what_is_there() {
    let shapes: [fn(&mut RawDocumentBuf); 3] = [
        |document| document.append(cstr!("sub"), pair()),
        |document| {
            let mut array = RawArrayBuf::new();
            array.push(RawBson::Document(RawDocumentBuf::new()));
            array.push(RawBson::Document(pair()));
            document.append(cstr!("sub"), array);
        },
        |document| {
            let mut deeper = RawDocumentBuf::new();
            deeper.append(cstr!("deep"), pair());
            let mut sub = RawDocumentBuf::new();
            sub.append(cstr!("x"), deeper);
            document.append(cstr!("sub"), sub);
        },
    ];
    let declarations: [fn(&mut Change); 6] = [
        |change| change.rename_field("users", "sub.x", "sub.y"),
        |change| change.add_field("users", "sub.added", 1),
        |change| change.remove_field("users", "sub"),
        |change| change.remove_field("users", "sub.x"),
        |change| {
            let any = change.change_type("users", "sub.x", FieldType::String, FieldType::Int);
            any.leave_others();
        },
        |change| {
            change.update("users", vec![doc! { "$set": { "z": 1 } }], vec![doc! { "$unset": "z" }]);
        },
    ];
    for shape in shapes {
        let fresh = with("twice_nested", shape).await;
        for declare in declarations {
            refused(&fresh, migration(declare)).await;
        }
        fresh.pass().await;
    }
}

/// No path leads there, but the whole value is remembered.
#[tokio::test]
async fn in_an_array_of_arrays() {
    let fresh = with("twice_in_arrays", |document| {
        let mut inner = RawArrayBuf::new();
        inner.push(RawBson::Document(pair()));
        let mut array = RawArrayBuf::new();
        array.push(RawBson::Array(inner));
        document.append(cstr!("sub"), array);
    })
    .await;
    refused(&fresh, migration(|change| change.remove_field("users", "sub"))).await;
    fresh.pass().await;
}

#[tokio::test]
async fn elsewhere_it_does_no_harm() {
    let fresh = with("twice_elsewhere", |document| {
        document.append(cstr!("old"), "1");
        document.append(cstr!("other"), pair());
    })
    .await;
    let before = raw(&fresh.db).await;
    let migrator = fresh.migrator([migration(|change| {
        change.rename_field("users", "old", "new");
    })]);
    migrator.up().await.unwrap();
    migrator.down().await.unwrap();
    assert_eq!(raw(&fresh.db).await, before, "both values are still there");
    fresh.pass().await;
}

/// An array is a level of its own.
#[tokio::test]
async fn in_arrays_within_arrays() {
    let fresh = with("twice_deep_arrays", |document| {
        let mut inner = pair();
        inner.append(cstr!("f"), 1);
        for name in [cstr!("e"), cstr!("d"), cstr!("c"), cstr!("b")] {
            let mut array = RawArrayBuf::new();
            array.push(RawBson::Document(inner));
            inner = RawDocumentBuf::new();
            inner.append(name, array);
        }
        document.append(cstr!("a"), inner);
    })
    .await;
    refused(&fresh, migration(|change| change.rename_field("users", "a.b.c.d.e.f", "a.b.c.d.e.g")))
        .await;
    fresh.pass().await;
}

/// The operation is not about this document, so nothing of it is lost.
#[tokio::test]
async fn where_the_field_is_not() {
    let declarations: [fn(&mut Change); 2] = [
        |change| change.rename_field("users", "sub.x", "sub.y"),
        |change| {
            let any = change.change_type("users", "sub.x", FieldType::String, FieldType::Int);
            any.leave_others();
        },
    ];
    for (number, declare) in declarations.into_iter().enumerate() {
        let fresh = with(&format!("twice_not_there_{number}"), |document| {
            document.append(cstr!("x"), 1);
            document.append(cstr!("x"), 2);
            let mut array = RawArrayBuf::new();
            array.push(RawBson::Document(pair_without_x()));
            document.append(cstr!("sub"), array);
        })
        .await;
        // On both sides of it, so that it is in the range of the batch.
        let lines = |id: i32| doc! { "_id": id, "sub": [{ "x": "5" }, { "z": 1 }] };
        insert(&fresh.db, "users", [lines(2), lines(8)]).await;
        let before = raw(&fresh.db).await;
        let migrator = fresh.migrator([migration(declare)]);
        migrator.up().await.unwrap();
        let after = raw(&fresh.db).await;
        assert_ne!(before[..2], after[..2]);
        assert_eq!(before[2], after[2], "up, operation {number}");
        migrator.down().await.unwrap();
        assert_eq!(raw(&fresh.db).await, before, "down, operation {number}");
        fresh.pass().await;
    }
}

#[tokio::test]
async fn what_came_since_stands_in_the_way_of_a_rollback() {
    let fresh = fresh("twice_since").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "old": 1 }]).await;
    let migrator = fresh.migrator([migration(|change| change.rename_field("users", "old", "new"))]);
    migrator.up().await.unwrap();
    let mut document = RawDocumentBuf::new();
    document.append(cstr!("_id"), 7);
    document.append(cstr!("new"), 1);
    document.append(cstr!("new"), 2);
    fresh.db.collection::<RawDocumentBuf>("users").insert_one(document).await.unwrap();
    let before = raw(&fresh.db).await;
    let error = migrator.down().await.unwrap_err();
    says(&error, &["twice", "_id 7"]);
    assert_eq!(raw(&fresh.db).await, before);
    migrator.up().await.unwrap();
    assert_eq!(raw(&fresh.db).await, before);
    fresh.pass().await;
}

#[tokio::test]
async fn in_a_backfill_through_a_function() {
    let fresh = with("twice_backfill", |document| {
        let mut sub = RawDocumentBuf::new();
        sub.append(cstr!("sub"), pair());
        document.append(cstr!("old"), sub);
    })
    .await;
    let replaces = Migration::online_steps(1, "one", |on| {
        Box::pin(async move {
            on.backfill("b", "users")
                .replace_each(|mut document| {
                    document.insert("z", 1);
                    Ok(Some(document))
                })
                .await
                .map(drop)
        })
    });
    refused(&fresh, replaces).await;
    let updates = Migration::online_steps(1, "one", |on| {
        Box::pin(async move {
            let each = |_: Document| Ok(Some(doc! { "$set": { "z": 1 } }));
            on.backfill("b", "users").update_each(each).await.map(drop)
        })
    });
    refused(&fresh, updates).await;
    // Not where it is not about that document.
    let filtered = Migration::online_steps(1, "one", |on| {
        Box::pin(async move {
            let each = |_: Document| Ok(Some(doc! { "$set": { "z": 1 } }));
            let walk = on.backfill("b", "users").filter(doc! { "_id": { "$ne": 7 } });
            walk.update_each(each).await.map(drop)
        })
    });
    fresh.migrator([filtered]).up().await.unwrap();
    fresh.pass().await;
}
