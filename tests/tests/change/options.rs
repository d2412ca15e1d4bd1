//! Options of collections and indexes: what the server makes of them is what is compared, and an
//! absent collation means what it means where it stands.

use mongrate::{
    Change, Migration, Online,
    bson::{Bson, Decimal128, Document, doc},
    mongodb::Database,
};
use mongrate_tests::{TestDb, snapshot::snapshot};

use super::migration;

async fn run(db: &Database, command: Document) {
    db.run_command(command.clone()).await.unwrap_or_else(|error| panic!("{command}: {error}"));
}

async fn index(db: &Database, collection: &str, name: &str) -> Option<Document> {
    let reply = db.run_command(doc! { "listIndexes": collection }).await.unwrap();
    let batch = reply.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    let mut found = batch.iter().filter_map(Bson::as_document);
    found.find(|index| index.get_str("name").unwrap() == name).cloned()
}

/// What the migration's failure says.
async fn failure(fresh: &TestDb, declare: fn(&mut Change)) -> String {
    let two = fresh.migrator([Migration::declared(2, "two", declare)]);
    let error = two.up().await.expect_err("it is refused").to_string();
    two.resolve(2, mongrate::Resolution::Pending).await.unwrap();
    error
}

/// Collections with a default collation, and indexes with that, with the simple one, and with a
/// third; of a kind that knows no collation, and of a version that does not.
async fn collated(fresh: &TestDb) {
    let german = doc! { "locale": "de", "strength": 2 };
    run(&fresh.db, doc! { "create": "users", "collation": german.clone() }).await;
    let simple = doc! { "locale": "simple" };
    run(
        &fresh.db,
        doc! { "createIndexes": "users", "indexes": [
            { "key": { "inherits": 1 }, "name": "inherits_1" },
            { "key": { "simple": 1 }, "name": "simple_1", "collation": simple.clone() },
            { "key": { "other": 1 }, "name": "other_1", "collation": { "locale": "fr" } },
            { "key": { "both": 1 }, "name": "both_1" },
            { "key": { "both": 1 }, "name": "both_simple", "collation": simple.clone() },
            { "key": { "words": "text" }, "name": "words_text", "collation": simple.clone() },
            { "key": { "flat": "2d" }, "name": "flat_2d", "collation": simple },
            { "key": { "place": "2dsphere" }, "name": "place_2dsphere" },
            { "key": { "old": 1 }, "name": "old_1", "v": 1 },
        ] },
    )
    .await;
    let users = fresh.db.collection::<Document>("users");
    users.insert_one(doc! { "_id": "Anna", "words": "one two" }).await.unwrap();
}

#[tokio::test]
async fn an_index_comes_back_with_the_collation_that_it_had() {
    let fresh = TestDb::new("collation_comes_back").await;
    collated(&fresh).await;
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(|change| {
        let simple = || doc! { "locale": "simple" };
        change.drop_index("users", doc! { "inherits": 1 });
        change.drop_index("users", doc! { "simple": 1 }).collation(simple());
        change.drop_index("users", doc! { "other": 1 }).collation(doc! { "locale": "fr" });
        // Of two with the same keys it is the one that is declared.
        change.drop_index("users", doc! { "both": 1 }).collation(simple());
        change.drop_index("users", doc! { "words": "text" }).collation(simple());
        change.drop_index("users", doc! { "flat": "2d" }).collation(simple());
        change.drop_index("users", doc! { "place": "2dsphere" });
        change.drop_index("users", doc! { "old": 1 }).collation(simple());
    })]);
    for _ in 0..2 {
        migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
        assert!(index(&fresh.db, "users", "both_1").await.is_some(), "the other one stays");
        assert!(index(&fresh.db, "users", "both_simple").await.is_none());
        migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(snapshot(&fresh.db).await, before);
        assert_eq!(index(&fresh.db, "users", "simple_1").await.unwrap().get("collation"), None);
    }
    fresh.pass().await;
}

#[tokio::test]
async fn an_index_that_does_not_inherit_is_another_one() {
    let fresh = TestDb::new("does_not_inherit").await;
    collated(&fresh).await;
    let said = failure(&fresh, |change| {
        change.drop_index("users", doc! { "simple": 1 });
    })
    .await;
    assert!(said.contains("differs in collation"), "{said}");
    assert!(said.contains(r#".collation(doc! { "locale": "simple" })"#), "{said}");
    let said = failure(&fresh, |change| {
        change.create_index("users", doc! { "inherits": 1 }).collation(doc! { "locale": "de" });
    });
    let said = said.await;
    assert!(said.contains("differs in collation"), "the strength is another: {said}");
    let said = failure(&fresh, |change| {
        change.create_index("users", doc! { "more": "text" });
    })
    .await;
    assert!(said.contains("only the simple collation"), "{said}");
    assert!(said.contains(r#".collation(doc! { "locale": "simple" })"#), "{said}");
    // As it is said, it can be had.
    fresh
        .migrator([migration(|change| {
            change.create_index("users", doc! { "inherits": 1 }).if_not_exists();
            change
                .create_index("users", doc! { "simple": 1 })
                .collation(doc! { "locale": "simple" })
                .if_not_exists();
            let full = doc! { "locale": "de", "strength": 2.0, "caseLevel": false };
            change
                .create_index("users", doc! { "place": "2dsphere" })
                .collation(full)
                .if_not_exists();
        })])
        .up()
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    fresh.pass().await;
}

#[tokio::test]
async fn an_index_that_was_only_recorded_is_built_as_it_is_declared() {
    let fresh = TestDb::new("only_recorded").await;
    run(&fresh.db, doc! { "create": "users", "collation": { "locale": "de" } }).await;
    let migrator = fresh.migrator([migration(|change| {
        change.drop_index("users", doc! { "a": 1 });
        change.drop_index("users", doc! { "b": 1 }).collation(doc! { "locale": "simple" });
    })]);
    migrator.baseline(1).await.unwrap();
    migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
    let inherits = index(&fresh.db, "users", "a_1").await.unwrap();
    assert_eq!(inherits.get_document("collation").unwrap().get_str("locale").unwrap(), "de");
    assert_eq!(index(&fresh.db, "users", "b_1").await.unwrap().get("collation"), None);
    fresh.pass().await;
}

#[tokio::test]
async fn a_collection_keeps_its_collations_when_it_is_renamed_or_kept() {
    let fresh = TestDb::new("keeps_collations").await;
    collated(&fresh).await;
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(|change| {
        change.rename_collection("users", "people");
        change.drop_index("people", doc! { "simple": 1 }).collation(doc! { "locale": "simple" });
        change.drop_collection("people");
        change.create_collection("users");
    })]);
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(snapshot(&fresh.db).await, before);
    fresh.pass().await;
}

/// In a collection that compares case-insensitively, names of fields still differ by case.
#[tokio::test]
async fn field_names_are_compared_by_bytes_under_any_collation() {
    let fresh = TestDb::new("names_by_bytes").await;
    run(&fresh.db, doc! { "create": "users", "collation": { "locale": "en", "strength": 1 } })
        .await;
    let users = fresh.db.collection::<Document>("users");
    let documents = || {
        [
            doc! { "_id": 1, "name": "a", "Name": "b", "mail": 1, "MAIL": 2, "x": { "y": 1, "Y": 2 } },
            doc! { "_id": 2, "Name": "b", "Mail": 2 },
        ]
    };
    users.insert_many(documents()).await.unwrap();
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(|change| {
        change.remove_field("users", "name");
        change.rename_field("users", "mail", "email");
        change.move_field("users", "x.y", "z");
    })]);
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    let first = users.find_one(doc! { "_id": 1 }).await.unwrap().unwrap();
    assert_eq!(
        first,
        doc! { "_id": 1, "Name": "b", "email": 1, "MAIL": 2, "x": { "Y": 2 }, "z": 1 }
    );
    let second = users.find_one(doc! { "_id": 2 }).await.unwrap().unwrap();
    assert_eq!(second, documents()[1]);
    migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(snapshot(&fresh.db).await, before);
    fresh.pass().await;
}

/// Values that the collation takes for equal are not the same to a rollback.
#[tokio::test]
async fn values_are_kept_that_only_a_collation_takes_for_equal() {
    let fresh = TestDb::new("values_by_bytes").await;
    let collation = doc! { "locale": "en", "strength": 1, "numericOrdering": true };
    run(&fresh.db, doc! { "create": "users", "collation": collation }).await;
    let users = fresh.db.collection::<Document>("users");
    users
        .insert_many([
            doc! { "_id": "one", "n": "007", "on": "TRUE", "ref": "64B5F0C2A1B2C3D4E5F60719" },
            doc! { "_id": "Two", "n": "7", "on": "true", "ref": "64b5f0c2a1b2c3d4e5f60719" },
        ])
        .await
        .unwrap();
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(|change| {
        use mongrate::FieldType::{Bool, Int, ObjectId, String};
        change.change_type("users", "n", String, Int);
        change.change_type("users", "on", String, Bool);
        change.change_type("users", "ref", String, ObjectId);
        change.update(
            "users",
            vec![doc! { "$set": { "n2": { "$toString": "$_id" } } }],
            vec![doc! { "$unset": "n2" }],
        );
    })]);
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(snapshot(&fresh.db).await, before);
    fresh.pass().await;
}

/// Options of `create` that the server stores otherwise than they are said, or not at all.
fn options() -> Vec<Document> {
    let decimal = |text: &str| Bson::Decimal128(text.parse::<Decimal128>().unwrap());
    let capped = |size: Bson| doc! { "capped": true, "size": size };
    let series = |series: Document| doc! { "timeseries": series };
    vec![
        capped(1.into()),
        capped(4_095.into()),
        capped(4_097_i64.into()),
        capped(1_000_000.into()),
        capped(1_000_000.5.into()),
        doc! { "capped": 1, "size": 5_000, "max": 10.7 },
        doc! { "capped": true, "size": 5_000, "max": 0 },
        doc! { "capped": true, "size": 5_000, "max": -1 },
        doc! { "capped": true, "size": 5_000, "max": i64::from(i32::MAX) },
        doc! { "capped": false },
        doc! { "validator": {} },
        doc! { "validator": { "a": 1.0 }, "validationLevel": "strict" },
        doc! { "validationAction": "error" },
        doc! { "validator": { "$jsonSchema": { "required": ["a"] } }, "validationAction": "warn" },
        doc! { "collation": { "locale": "simple" } },
        doc! { "collation": { "locale": "simple", "strength": 2 } },
        doc! { "collation": { "locale": "de" } },
        doc! { "collation": { "locale": "fr_CA" } },
        doc! { "collation": { "strength": 2.0, "locale": "de@collation=phonebook" } },
        doc! { "changeStreamPreAndPostImages": { "enabled": false } },
        doc! { "storageEngine": {} },
        doc! { "indexOptionDefaults": {} },
        doc! { "viewOn": "b" },
        doc! { "viewOn": "b", "pipeline": [{ "$match": { "a": 1.0 } }], "collation": { "locale": "de" } },
        series(doc! { "timeField": "t" }),
        series(doc! { "timeField": "t", "granularity": "minutes", "metaField": "m" }),
        series(
            doc! { "timeField": "t", "granularity": "hours", "bucketMaxSpanSeconds": 2_592_000.0 },
        ),
        doc! { "timeseries": { "timeField": "t" }, "expireAfterSeconds": 5.7 },
        doc! { "timeseries": { "timeField": "t" }, "expireAfterSeconds": decimal("60") },
        doc! { "clusteredIndex": { "key": { "_id": 1.0 }, "unique": 1 } },
        doc! { "clusteredIndex": { "key": { "_id": 1 }, "unique": true, "name": "x" }, "expireAfterSeconds": 90_i64 },
    ]
}

static NOW: std::sync::Mutex<Option<Document>> = std::sync::Mutex::new(None);

fn current() -> Document {
    NOW.lock().unwrap().clone().unwrap_or_default()
}

/// Every option, three times: created, found again by a declared migration, and found again by
/// an online one. (One test, as the declarations read the case from a static.)
#[tokio::test]
async fn what_the_server_makes_of_an_option_is_the_same_option() {
    let fresh = TestDb::new("made_of_an_option").await;
    if fresh.version().await < (6, 0) {
        return fresh.pass().await;
    }
    let declared = migration(|change| {
        let create = change.create_collection("a").if_not_exists();
        current().into_iter().fold(create, |create, (key, value)| create.option(key, value));
    });
    let online = Migration::online_steps(2, "two", |on: &mut Online<'_>| {
        Box::pin(async move {
            on.create_collection("a", current()).await?;
            on.create_collection("a", current()).await
        })
    });
    for case in options() {
        *NOW.lock().unwrap() = Some(case.clone());
        for migration in [declared, online] {
            let migrator = fresh.migrator([migration]);
            migrator.up().await.unwrap_or_else(|error| panic!("{case}: {error}"));
            fresh.db.collection::<Document>("migrations").drop().await.unwrap();
            let before = snapshot(&fresh.db).await;
            migrator.up().await.unwrap_or_else(|error| panic!("{case}, again: {error}"));
            assert_eq!(snapshot(&fresh.db).await, before, "{case}");
            fresh.db.drop().await.unwrap();
        }
    }
    fresh.pass().await;
}

/// Options of an index that the server stores otherwise than they are said, or not at all.
fn indexes() -> Vec<(Document, Document)> {
    let decimal = Bson::Decimal128("7".parse::<Decimal128>().unwrap());
    let of = |options: Document| (doc! { "a": 1 }, options);
    let text = |options: Document| (doc! { "t": "text" }, options);
    let wild =
        |projection: Document| (doc! { "$**": 1 }, doc! { "wildcardProjection": projection });
    vec![
        (doc! { "a": 1.0, "b": -1_i64 }, doc! {}),
        (doc! { "a": 2, "b": -1.5 }, doc! {}),
        of(doc! { "unique": 1, "sparse": 0.0 }),
        of(doc! { "hidden": false, "unique": false }),
        of(doc! { "expireAfterSeconds": 5.7 }),
        of(doc! { "expireAfterSeconds": decimal }),
        of(doc! { "expireAfterSeconds": 5_i64 }),
        of(doc! { "collation": { "locale": "simple" } }),
        of(doc! { "collation": { "locale": "de", "strength": 2.0 } }),
        of(doc! { "partialFilterExpression": { "b": { "$gt": 5.0 }, "c": 1_i64 } }),
        of(doc! { "partialFilterExpression": {} }),
        of(doc! { "background": true }),
        text(doc! { "weights": { "t": 5.5, "u": 2_i64 } }),
        text(doc! { "default_language": "none", "textIndexVersion": 3.0 }),
        text(doc! { "collation": { "locale": "simple" } }),
        (doc! { "$**": "text" }, doc! {}),
        (doc! { "x": 1, "s": "text", "t": "text", "y": 1 }, doc! {}),
        (doc! { "g": "2dsphere" }, doc! { "2dsphereIndexVersion": 2 }),
        (doc! { "g": "2dsphere" }, doc! {}),
        (doc! { "g": "2d" }, doc! { "bits": 26.0, "min": -180, "max": 180 }),
        wild(doc! { "a": true, "b.c": 1 }),
        wild(doc! { "a": 0, "_id": 1 }),
        wild(doc! { "_id": 0 }),
        wild(doc! { "a": { "b": 1 } }),
    ]
}

static INDEX: std::sync::Mutex<Option<(Document, Document)>> = std::sync::Mutex::new(None);

#[tokio::test]
async fn what_the_server_makes_of_an_index_is_the_same_index() {
    let fresh = TestDb::new("made_of_an_index").await;
    fn current() -> (Document, Document) {
        INDEX.lock().unwrap().clone().unwrap()
    }
    let create = migration(|change| {
        let (keys, options) = current();
        let create = change.create_index("a", keys).if_not_exists();
        options.into_iter().fold(create, |create, (key, value)| create.option(key, value));
    });
    let drop = Migration::declared(2, "two", |change| {
        let (keys, options) = current();
        let drop = change.drop_index("a", keys);
        options.into_iter().fold(drop, |drop, (key, value)| drop.option(key, value));
    });
    for case in indexes() {
        *INDEX.lock().unwrap() = Some(case.clone());
        let (keys, options) = &case;
        fresh
            .migrator([create])
            .up()
            .await
            .unwrap_or_else(|error| panic!("{keys} {options}: {error}"));
        fresh.db.collection::<Document>("migrations").drop().await.unwrap();
        let before = snapshot(&fresh.db).await;
        let both = fresh.migrator([create, drop]);
        both.up().await.unwrap_or_else(|error| panic!("{keys} {options}, again: {error}"));
        both.down().await.unwrap_or_else(|error| panic!("{keys} {options}, back: {error}"));
        assert_eq!(snapshot(&fresh.db).await, before, "{keys} {options}");
        fresh.db.drop().await.unwrap();
    }
    fresh.pass().await;
}

#[tokio::test]
async fn what_is_another_is_refused_with_advice_that_leads_out() {
    let fresh = TestDb::new("another_is_refused").await;
    run(&fresh.db, doc! { "create": "log", "capped": true, "size": 4_096 }).await;
    run(&fresh.db, doc! { "create": "seen", "viewOn": "log", "pipeline": [] }).await;
    run(
        &fresh.db,
        doc! { "createIndexes": "log", "indexes": [
            { "key": { "a": 1 }, "name": "mine", "unique": true, "collation": { "locale": "de" } },
            { "key": { "b": 1 }, "name": "b_1", "sparse": true },
        ] },
    )
    .await;
    type Case = (fn(&mut Change), &'static [&'static str], &'static [&'static str]);
    let cases: Vec<Case> = vec![
        (
            |change| {
                change.create_collection("log").capped(8_192);
            },
            &["4096 instead of 8192", "`cappedSize` with `coll_mod`"],
            // It would lead to this very refusal.
            &["if_not_exists"],
        ),
        (
            |change| {
                change.create_collection("log").collation(doc! { "locale": "de" });
            },
            &["another `collation`", "server cannot change it"],
            &["if_not_exists", "coll_mod"],
        ),
        (
            |change| {
                change.create_collection("seen").if_not_exists();
            },
            &["as a view, not a collection"],
            &["coll_mod"],
        ),
        (
            |change| {
                change.create_index("log", doc! { "b": 1 });
            },
            &["differs in sparse", "drop it in an operation before"],
            &["if_not_exists"],
        ),
        (
            |change| {
                change
                    .create_index("log", doc! { "a": 1 })
                    .unique(true)
                    .collation(doc! { "locale": "de" });
            },
            &["called `mine`", r#".name("mine").if_not_exists()"#],
            &[],
        ),
        (
            |change| {
                change.create_index("log", doc! { "a": 1 }).collation(doc! { "locale": "de" });
            },
            &["called `mine`", "differs in unique"],
            &["if_not_exists"],
        ),
        (
            |change| {
                change.drop_index("log", doc! { "a": 1 }).name("a_1");
            },
            &[r#"say `.name("mine")`"#],
            &["if_exists"],
        ),
    ];
    for (declare, said, unsaid) in cases {
        let error = failure(&fresh, declare).await;
        for words in said {
            assert!(error.contains(words), "`{words}` is not in: {error}");
        }
        for words in unsaid {
            assert!(!error.contains(words), "`{words}` is in: {error}");
        }
    }
    // What was advised is right.
    fresh
        .migrator([migration(|change| {
            change
                .create_index("log", doc! { "a": 1 })
                .unique(true)
                .collation(doc! { "locale": "de" })
                .name("mine")
                .if_not_exists();
        })])
        .up()
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    fresh.pass().await;
}

#[tokio::test]
async fn an_online_migration_refuses_what_is_another() {
    let fresh = TestDb::new("online_another").await;
    run(&fresh.db, doc! { "create": "log", "capped": true, "size": 4_096 }).await;
    run(&fresh.db, doc! { "create": "seen", "viewOn": "log", "pipeline": [] }).await;
    const OTHERS: [Migration; 2] = [
        Migration::online_steps(2, "other", |on| {
            Box::pin(async move {
                on.create_collection("log", doc! { "capped": true, "size": 9_000 }).await
            })
        }),
        Migration::online_steps(2, "other", |on| {
            Box::pin(async move { on.create_collection("seen", doc! {}).await })
        }),
    ];
    for (migration, words) in OTHERS.into_iter().zip(["4096 instead of 9000", "as a view"]) {
        let error = fresh.migrator([migration]).up().await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    fresh.pass().await;
}
