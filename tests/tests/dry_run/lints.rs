//! What is said before a run: as far as it can be seen from outside. (What each lint says is
//! tested where it is judged.)

use mongrate::{
    Error, FieldType, LintLimits, LintName, Migration,
    bson::{Document, doc},
};
use mongrate_tests::{TestDb, effect};

const LIMITS: LintLimits = LintLimits::new()
    .transaction_documents_max(10)
    .transaction_ms_max(60_000)
    .index_documents_max(10);

async fn fill(tx: &mut mongrate::Transaction<'_>, below: i32) -> mongrate::Result {
    tx.collection::<Document>("users")
        .update_many(doc! { "n": { "$lt": below } }, doc! { "$set": { "plan": "free" } })
        .await?;
    Ok(())
}

const ALL: Migration =
    Migration::transactional(1, "fill_all", |tx| Box::pin(async move { fill(tx, 100).await }))
        .writing_many(&["users"]);

const FEW: Migration =
    Migration::transactional(2, "fill_few", |tx| Box::pin(async move { fill(tx, 3).await }))
        .writing_many(&["users"]);

async fn filled(fresh: &TestDb) {
    let users = (0..20_i32).map(|n| doc! { "_id": n, "n": n });
    fresh.db.collection::<Document>("users").insert_many(users).await.unwrap();
    fresh.wire.take();
}

#[tokio::test]
async fn a_plan_guesses_by_the_size_and_a_dry_run_knows() {
    let (fresh, observer) = TestDb::observed("guesses").await;
    filled(&fresh).await;
    let migrator = fresh.migrator([ALL, FEW]).lint_limits(LIMITS).observer(&observer);
    assert!(migrator.up().plan().await.unwrap().lints.is_empty(), "not asked for");
    assert_eq!(fresh.wire.take(), ["find", "find"]);

    let plan = migrator.up().lint(true).plan().await.unwrap();
    assert_eq!(fresh.wire.take(), ["find", "find", "count"], "each collection once");
    let said: Vec<_> =
        plan.lints.iter().map(|lint| (lint.name, lint.version.get(), lint.estimated)).collect();
    let large = LintName::LargeTransaction;
    assert_eq!(said, [(large, 1, true), (large, 2, true)]);
    assert!(plan.lints[0].message.contains("`users`"), "{}", plan.lints[0]);
    assert!(plan.lints[0].good.contains("on.backfill("), "{}", plan.lints[0].good);
    let json = serde_json::to_value(&plan).unwrap();
    let first = json.pointer("/lints/0").unwrap();
    for key in ["name", "version", "migration", "message", "bad", "good", "details"] {
        assert!(first.get(key).is_some(), "{key}: {first}");
    }
    assert_eq!(first.get("name").unwrap(), "large_transaction");

    let report = migrator.up().lint(true).dry_run().await.unwrap();
    let said: Vec<_> =
        report.lints.iter().map(|lint| (lint.version.get(), lint.estimated)).collect();
    assert_eq!(said, [(1, false)], "the second writes three");
    assert!(report.lints[0].message.contains("20 documents"), "{}", report.lints[0]);
    fresh.pass().await;
}

#[tokio::test]
async fn a_lint_can_be_acknowledged() {
    let fresh = TestDb::new("acknowledged").await;
    filled(&fresh).await;
    let quiet = ALL.allowing(&["large_transaction"]);
    let migrator = fresh.migrator([quiet, FEW]).lint_limits(LIMITS);
    let lints = migrator.up().lint(true).plan().await.unwrap().lints;
    assert_eq!(lints.iter().map(|lint| lint.version.get()).collect::<Vec<_>>(), [2]);
    let migrator = migrator.allow(LintName::LargeTransaction);
    assert!(migrator.up().lint(true).plan().await.unwrap().lints.is_empty());
    fresh.pass().await;
}

#[tokio::test]
async fn a_strict_check_refuses_them() {
    let fresh = TestDb::new("strict").await;
    filled(&fresh).await;
    let migrator = fresh.migrator([effect!(3), ALL]).lint_limits(LIMITS);
    assert!(matches!(migrator.check().await, Err(Error::Pending { .. })));
    let error = migrator.check().strict(true).allow_pending(true).await.unwrap_err();
    assert!(matches!(&error, Error::Lints(lints) if lints.len() == 1), "{error}");
    assert_eq!(error.kind().exit_code(), 65);
    assert!(error.to_string().contains("large_transaction"), "{error}");
    let allowed = migrator.allow(LintName::LargeTransaction);
    let error = allowed.check().strict(true).await.unwrap_err();
    assert!(matches!(error, Error::Pending { .. }), "{error}");
    let report = allowed.check().strict(true).allow_pending(true).await.unwrap();
    assert_eq!(report.pending.len(), 2);
    fresh.pass().await;
}

#[tokio::test]
async fn an_up_of_the_library_does_not_look() {
    let fresh = TestDb::new("does_not_look").await;
    filled(&fresh).await;
    let migrator = fresh.migrator([ALL]).lint_limits(LIMITS);
    migrator.up().lint(true).await.unwrap();
    assert_eq!(fresh.wire.take().len(), 5 + 2 + 1);
    fresh.pass().await;
}

/// Twenty users of two kinds, an index and a validator on `age`.
async fn with_a_schema(fresh: &TestDb) {
    let users = (0..20_i32).map(|n| {
        let tags = if n < 2 { vec![n, 7, 7] } else { vec![n + 100] };
        doc! { "_id": n, "age": n, "email": format!("{}@example.org", n / 3), "tags": tags }
    });
    fresh.db.collection::<Document>("users").insert_many(users).await.unwrap();
    let index = doc! { "key": { "age": 1 }, "name": "age_1" };
    fresh.db.run_command(doc! { "createIndexes": "users", "indexes": [index] }).await.unwrap();
    let validator = doc! { "$jsonSchema": { "required": ["age"] } };
    let set = doc! { "collMod": "users", "validator": validator };
    fresh.db.run_command(set).await.unwrap();
    fresh.wire.take();
}

async fn lints_of(fresh: &TestDb, declare: mongrate::ChangeFn) -> Vec<mongrate::Lint> {
    let migrator = fresh.migrator([Migration::declared(1, "declared", declare)]);
    let limits = LIMITS.index_documents_max(20);
    migrator.lint_limits(limits).up().lint(true).plan().await.unwrap().lints
}

fn names(lints: &[mongrate::Lint]) -> Vec<LintName> {
    lints.iter().map(|lint| lint.name).collect()
}

#[tokio::test]
async fn duplicates_under_a_unique_index_are_found_as_the_server_finds_them() {
    let fresh = TestDb::new("lint_duplicates").await;
    with_a_schema(&fresh).await;
    let lints = lints_of(&fresh, |change| {
        change.create_index("users", doc! { "email": 1 }).unique(true);
    })
    .await;
    assert_eq!(names(&lints), [LintName::UniqueIndexOverDuplicates]);
    // 20 users in threes: six full ones, and one pair.
    assert!(lints[0].message.contains("7 keys are"), "{}", lints[0]);
    assert_eq!(lints[0].details[0], "one key is in 3 documents");
    assert!(!format!("{lints:?}").contains("@example.org"));

    let declare = |change: &mut mongrate::Change| {
        change.create_index("users", doc! { "email": 1 }).unique(true);
    };
    let shows = LIMITS.show_values(true);
    let migrator = fresh.migrator([Migration::declared(1, "declared", declare)]);
    let lints = migrator.lint_limits(shows).up().lint(true).plan().await.unwrap().lints;
    assert!(lints[0].details[0].contains("@example.org"), "{:?}", lints[0].details);

    // An element that two documents share is a duplicate; one that a document has twice is none.
    let lints = lints_of(&fresh, |change| {
        change.create_index("users", doc! { "tags": 1 }).unique(true);
    })
    .await;
    assert!(lints[0].message.contains("1 key is"), "{}", lints[0]);
    // What is missing is a null, unless the index leaves it out.
    let missing = lints_of(&fresh, |change| {
        change.create_index("users", doc! { "nothing": 1 }).unique(true);
    });
    assert_eq!(missing.await[0].details[0], "one key is in 20 documents");
    let fine = lints_of(&fresh, |change| {
        change.create_index("users", doc! { "nothing": 1 }).unique(true).sparse(true);
        change.create_index("users", doc! { "age": 1, "email": 1 }).unique(true);
        change
            .create_index("users", doc! { "email": -1 })
            .unique(true)
            .partial_filter(doc! { "age": { "$gte": 18 } });
    });
    // The users of 18 and 19 share an address.
    assert_eq!(fine.await.len(), 1);
    // What is said is true: the server refuses just those.
    let unique = |keys: Document| doc! { "key": keys, "name": "u", "unique": true };
    for (keys, refused) in [(doc! { "tags": 1 }, true), (doc! { "age": -1, "email": 1 }, false)] {
        let build = doc! { "createIndexes": "users", "indexes": [unique(keys.clone())] };
        assert_eq!(fresh.db.run_command(build).await.is_err(), refused, "{keys}");
    }
    fresh.pass().await;
}

#[tokio::test]
async fn what_is_in_use_fails_or_is_renamed_is_found() {
    use LintName::{
        FieldInUse, IndexOnLargeCollection, MissingCollection, RenameBreaksRunningApp,
        ValidatorFails,
    };
    let fresh = TestDb::new("lint_schema").await;
    with_a_schema(&fresh).await;
    let lints = lints_of(&fresh, |change| {
        change.remove_field("users", "age");
        change.remove_field("users", "email");
    })
    .await;
    assert_eq!(names(&lints), [FieldInUse]);
    assert_eq!(lints[0].details, ["the index age_1", "the validator"]);
    let lints = lints_of(&fresh, |change| {
        change.drop_index("users", doc! { "age": 1 });
        change.unset_validator("users");
        change.remove_field("users", "age");
    });
    assert_eq!(lints.await, []);

    let lints = lints_of(&fresh, |change| {
        change.set_validator("users", doc! { "age": { "$gte": 3 } });
        change.set_validator("nobody", doc! { "age": { "$gte": 3 } });
    })
    .await;
    assert_eq!(names(&lints), [ValidatorFails, MissingCollection]);
    assert_eq!(lints[0].details, ["3 documents fail it", "_id: 0", "_id: 1", "_id: 2"]);
    let lints = lints_of(&fresh, |change| {
        change.set_validator("users", doc! { "age": { "$gte": 3 } }).level("moderate");
    });
    assert_eq!(lints.await, []);

    let lints = lints_of(&fresh, |change| {
        change.rename_field("users", "email", "mail");
        change.move_field("users", "age", "person.age");
        change.rename_collection("users", "people");
        change.rename_collection("nobody", "none");
    })
    .await;
    let renames = RenameBreaksRunningApp;
    assert_eq!(names(&lints), [renames, FieldInUse, renames, renames, MissingCollection]);
    assert!(lints[2].bad.contains("change.move_field("), "{}", lints[2].bad);

    fresh.db.collection::<Document>("users").insert_one(doc! { "age": 20 }).await.unwrap();
    let lints = lints_of(&fresh, |change| {
        change.create_index("users", doc! { "email": 1 });
    })
    .await;
    assert_eq!(names(&lints), [IndexOnLargeCollection]);
    assert_eq!(lints[0].details, ["about 21 documents in `users`"]);
    fresh.pass().await;
}

#[tokio::test]
async fn a_unique_index_is_judged_by_its_collation() {
    let fresh = TestDb::new("lint_collation").await;
    let users = fresh.db.collection::<Document>("users");
    // The ids are the same to that collation, too.
    let anna = doc! { "_id": "anna", "email": "a@b", "tags": ["x", "X"] };
    let second = doc! { "_id": "ANNA", "email": "A@B", "tags": ["y"] };
    users.insert_many([anna, second]).await.unwrap();
    let lints = lints_of(&fresh, |change| {
        let collation = doc! { "locale": "en", "strength": 2 };
        change
            .create_index("users", doc! { "email": 1 })
            .unique(true)
            .collation(collation.clone())
            .name("one_each");
        // A document is not its own duplicate.
        change.create_index("users", doc! { "tags": 1 }).unique(true).collation(collation);
        change.create_index("users", doc! { "email": -1 }).unique(true);
    })
    .await;
    assert_eq!(names(&lints), [LintName::UniqueIndexOverDuplicates], "{lints:?}");
    assert!(lints[0].message.contains("1 key is in several documents"), "{}", lints[0]);
    assert!(lints[0].message.contains(r#"its collation { "locale": "en", "strength": 2 }"#));
    let whole =
        r#".unique(true).collation(doc! { "locale": "en", "strength": 2 }).name("one_each");"#;
    assert!(lints[0].bad.ends_with(whole) && lints[0].good.ends_with(whole), "{:?}", lints[0]);
    // It is the same where the collection says it.
    let collated = doc! { "create": "people", "collation": { "locale": "en", "strength": 1 } };
    fresh.db.run_command(collated).await.unwrap();
    let people = fresh.db.collection::<Document>("people");
    people.insert_many([doc! { "email": "a@b" }, doc! { "email": "Á@b" }]).await.unwrap();
    let lints = lints_of(&fresh, |change| {
        change.create_index("people", doc! { "email": 1 }).unique(true);
        change
            .create_index("people", doc! { "email": -1 })
            .unique(true)
            .collation(doc! { "locale": "simple" });
    })
    .await;
    assert_eq!(names(&lints), [LintName::UniqueIndexOverDuplicates], "{lints:?}");
    assert!(lints[0].message.contains("as its collation"), "{}", lints[0]);
    // What is said is true: the server refuses just those.
    for (collection, keys, collation, refused) in [
        ("users", doc! { "email": 1 }, doc! { "locale": "en", "strength": 2 }, true),
        ("users", doc! { "tags": 1 }, doc! { "locale": "en", "strength": 2 }, false),
        ("people", doc! { "email": -1 }, doc! { "locale": "simple" }, false),
        ("people", doc! { "email": 1 }, doc! { "locale": "en", "strength": 1 }, true),
    ] {
        let index =
            doc! { "key": keys.clone(), "name": "u", "unique": true, "collation": collation };
        let build = doc! { "createIndexes": collection, "indexes": [index] };
        assert_eq!(fresh.db.run_command(build).await.is_err(), refused, "{keys}");
        let _ = fresh.db.run_command(doc! { "dropIndexes": collection, "index": "u" }).await;
    }
    fresh.pass().await;
}

#[tokio::test]
async fn a_field_in_use_is_found_however_it_is_changed() {
    use LintName::{FieldInUse, RenameBreaksRunningApp};
    let fresh = TestDb::new("lint_in_use").await;
    with_a_schema(&fresh).await;
    let all = doc! { "createIndexes": "users", "indexes": [
        { "key": { "$**": 1 }, "name": "wild", "wildcardProjection": { "covered": 1 } },
        { "key": { "x": 1 }, "name": "partial", "partialFilterExpression": { "state": "open" } },
    ] };
    fresh.db.run_command(all).await.unwrap();
    let lints = lints_of(&fresh, |change| {
        change.rename_field("users", "age", "years");
        change.change_type("users", "age", FieldType::Int, FieldType::Long);
        change.change_type("users", "n", FieldType::Int, FieldType::Long);
        change.remove_field("users", "covered");
        change.remove_field("users", "state");
        change.update("users", vec![doc! { "$unset": "age" }], vec![]);
    })
    .await;
    let expected =
        [FieldInUse, RenameBreaksRunningApp, FieldInUse, FieldInUse, FieldInUse, FieldInUse];
    assert_eq!(names(&lints), expected, "{lints:#?}");
    assert_eq!(lints[0].details, ["the index age_1", "the validator"]);
    assert_eq!(lints[3].details, ["the index wild"]);
    assert_eq!(lints[4].details, ["the index partial"]);
    // What is advised is silent, and runs.
    for line in [
        r#"change.drop_index("users", doc! { "age": 1 }).name("age_1");"#,
        r#"change.unset_validator("users");"#,
        r#"change.rename_field("users", "age", "years");"#,
        r#"change.create_index("users", doc! { "years": 1 }).name("age_1");"#,
    ] {
        assert!(lints[0].good.contains(line), "{line} is not in {}", lints[0].good);
    }
    fn advised(change: &mut mongrate::Change) {
        change.drop_index("users", doc! { "age": 1 }).name("age_1");
        change.unset_validator("users");
        change.rename_field("users", "age", "years");
        change.create_index("users", doc! { "years": 1 }).name("age_1");
        change.set_validator("users", doc! { "$jsonSchema": { "required": ["years"] } });
    }
    let lints = lints_of(&fresh, advised).await;
    assert!(!names(&lints).contains(&FieldInUse), "{lints:#?}");
    fresh.migrator([Migration::declared(1, "advised", advised)]).up().await.unwrap();
    fresh.pass().await;
}

#[tokio::test]
async fn a_collection_that_is_not_there_is_told() {
    let fresh = TestDb::new("lint_missing").await;
    // In an empty database it is no news that there is nothing to change.
    let silent = |change: &mut mongrate::Change| {
        change.rename_field("user", "a", "b");
        change.update("user", vec![doc! { "$set": { "a": 1 } }], vec![]);
    };
    assert_eq!(lints_of(&fresh, silent).await, []);
    with_a_schema(&fresh).await;
    let lints = lints_of(&fresh, |change| {
        change.rename_field("user", "a", "b");
        change.update("user", vec![doc! { "$set": { "a": 1 } }], vec![]);
        change.create_index("user", doc! { "a": 1 });
    })
    .await;
    assert_eq!(names(&lints), [LintName::MissingCollection; 3], "{lints:#?}");
    assert!(lints[0].message.contains("no collection `user`; there is `users`"), "{}", lints[0]);
    let lints = lints_of(&fresh, |change| {
        change.drop_collection("orders");
        change.drop_collection("orders").if_exists();
        change.hide_index("orders", "a_1");
        change.coll_mod("orders").set("validationLevel", "off");
        change.drop_index("orders", doc! { "a": 1 });
    })
    .await;
    assert_eq!(names(&lints), [LintName::MissingCollection; 4], "{lints:#?}");
    assert!(lints[0].message.contains("would be refused"), "{}", lints[0]);
    // What comes before may make it, or give it its name.
    let lints = lints_of(&fresh, |change| {
        change.create_collection("orders");
        change.drop_index("orders", doc! { "a": 1 }).if_exists();
        change.create_index("bills", doc! { "a": 1 });
        change.hide_index("bills", "a_1");
        change.rename_collection("users", "people");
        change.remove_field("people", "age");
    })
    .await;
    use LintName::{FieldInUse, RenameBreaksRunningApp};
    assert_eq!(names(&lints), [RenameBreaksRunningApp, FieldInUse], "{lints:#?}");
    let declared = Migration::declared(4, "declared", |change| {
        change.hide_index("orders", "a_1");
    });
    let migrator = fresh.migrator([effect!(3), declared]);
    assert_eq!(migrator.up().lint(true).plan().await.unwrap().lints, [], "3 may do anything");
    fresh.pass().await;
}

#[tokio::test]
async fn a_view_over_what_is_renamed_or_dropped_is_told() {
    use LintName::{BrokenView, RenameBreaksRunningApp};
    let fresh = TestDb::new("lint_views").await;
    with_a_schema(&fresh).await;
    let joined = doc! { "$lookup": { "from": "users", "localField": "u", "foreignField": "_id", "as": "u" } };
    for command in [
        doc! { "create": "adults", "viewOn": "users", "pipeline": [{ "$match": { "age": { "$gte": 18 } } }] },
        doc! { "create": "orders" },
        doc! { "create": "joined", "viewOn": "orders", "pipeline": [joined] },
    ] {
        fresh.db.run_command(command).await.unwrap();
    }
    let lints = lints_of(&fresh, |change| change.rename_collection("users", "people")).await;
    assert_eq!(names(&lints), [BrokenView, RenameBreaksRunningApp], "{lints:#?}");
    assert_eq!(lints[0].details, ["the view adults", "the view joined"]);
    let lints = lints_of(&fresh, |change| {
        change.drop_collection("orders");
    })
    .await;
    assert_eq!(names(&lints), [BrokenView]);
    assert_eq!(lints[0].details, ["the view joined"]);
    let lints = lints_of(&fresh, |change| {
        change.drop_collection("joined");
        change.drop_collection("orders");
        change.rename_collection("users", "people");
        change.coll_mod("adults").set("viewOn", "people").set("pipeline", Vec::<Document>::new());
    })
    .await;
    assert_eq!(names(&lints), [RenameBreaksRunningApp], "{lints:#?}");
    fresh.pass().await;
}

/// What a lint says about an index that is built by hand leads to a migration that runs.
#[tokio::test]
async fn an_index_that_is_built_by_hand_as_advised_is_taken() {
    let fresh = TestDb::new("lint_by_hand").await;
    with_a_schema(&fresh).await;
    fresh.db.collection::<Document>("users").insert_one(doc! { "age": 20 }).await.unwrap();
    let lints = lints_of(&fresh, |change| {
        change
            .create_index("users", doc! { "email": 1 })
            .collation(doc! { "locale": "en", "strength": 2 })
            .name("mail");
    })
    .await;
    assert_eq!(names(&lints), [LintName::IndexOnLargeCollection]);
    let shell = r#"createIndex({ "email": 1 }, { "collation": { "locale": "en", "strength": 2 }, "name": "mail" })"#;
    assert!(lints[0].good.contains(shell), "{}", lints[0].good);
    let declared =
        r#".collation(doc! { "locale": "en", "strength": 2 }).name("mail").if_not_exists();"#;
    assert!(lints[0].good.ends_with(declared), "{}", lints[0].good);
    let index = doc! {
        "key": { "email": 1 }, "name": "mail", "collation": { "locale": "en", "strength": 2 },
    };
    fresh.db.run_command(doc! { "createIndexes": "users", "indexes": [index] }).await.unwrap();
    let taken = Migration::declared(1, "taken", |change| {
        change
            .create_index("users", doc! { "email": 1 })
            .collation(doc! { "locale": "en", "strength": 2 })
            .name("mail")
            .if_not_exists();
    });
    fresh.migrator([taken]).up().await.unwrap();
    fresh.pass().await;
}

#[tokio::test]
async fn looking_writes_nothing() {
    let fresh = TestDb::new("lint_reads").await;
    with_a_schema(&fresh).await;
    let before = mongrate_tests::whole::of(&fresh.db).await;
    fresh.wire.take();
    lints_of(&fresh, |change| {
        change.create_index("users", doc! { "email": 1 }).unique(true);
        change.remove_field("users", "age");
        change.set_validator("users", doc! { "age": { "$gte": 3 } });
        change.rename_collection("users", "people");
    })
    .await;
    let reads = ["find", "count", "aggregate", "listIndexes", "listCollections"];
    let sent = fresh.wire.take();
    assert!(sent.iter().all(|name| reads.contains(&name.as_str())), "{sent:?}");
    assert_eq!(mongrate_tests::whole::of(&fresh.db).await, before);
    fresh.pass().await;
}
