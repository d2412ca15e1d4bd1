//! What is said before a run: as far as it can be seen from outside. (What each lint says is
//! tested where it is judged.)

use mongrate::{
    Error, LintLimits, LintName, Migration,
    bson::{Document, doc},
};
use mongrate_tests::{Fresh, effect};

const LIMITS: LintLimits = LintLimits {
    transaction_documents_max: 10,
    transaction_ms_max: 60_000,
    index_documents_max: 10,
    show_values: false,
};

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

async fn filled(fresh: &Fresh) {
    let users = (0..20_i32).map(|n| doc! { "_id": n, "n": n });
    fresh.db.collection::<Document>("users").insert_many(users).await.unwrap();
    fresh.wire.take();
}

#[tokio::test]
async fn a_plan_guesses_by_the_size_and_a_dry_run_knows() {
    let (fresh, observer) = Fresh::observed("guesses").await;
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
    let fresh = Fresh::new("acknowledged").await;
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
    let fresh = Fresh::new("strict").await;
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
    let fresh = Fresh::new("does_not_look").await;
    filled(&fresh).await;
    let migrator = fresh.migrator([ALL]).lint_limits(LIMITS);
    migrator.up().lint(true).await.unwrap();
    assert_eq!(fresh.wire.take().len(), 5 + 2 + 1);
    fresh.pass().await;
}

/// Twenty users of two kinds, an index and a validator on `age`.
async fn with_a_schema(fresh: &Fresh) {
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

async fn lints_of(fresh: &Fresh, declare: mongrate::ChangeFn) -> Vec<mongrate::Lint> {
    let migrator = fresh.migrator([Migration::declared(1, "declared", declare)]);
    let limits = LintLimits { index_documents_max: 20, ..LIMITS };
    migrator.lint_limits(limits).up().lint(true).plan().await.unwrap().lints
}

fn names(lints: &[mongrate::Lint]) -> Vec<LintName> {
    lints.iter().map(|lint| lint.name).collect()
}

#[tokio::test]
async fn duplicates_under_a_unique_index_are_found_as_the_server_finds_them() {
    let fresh = Fresh::new("lint_duplicates").await;
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
    let shows = LintLimits { show_values: true, ..LIMITS };
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
    use LintName::{FieldInUse, IndexOnLargeCollection, RenameBreaksRunningApp, ValidatorFails};
    let fresh = Fresh::new("lint_schema").await;
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
    assert_eq!(names(&lints), [ValidatorFails]);
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
    assert_eq!(names(&lints), [RenameBreaksRunningApp; 3]);
    assert!(lints[1].bad.contains("change.move_field("), "{}", lints[1].bad);

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
async fn looking_writes_nothing() {
    let fresh = Fresh::new("lint_reads").await;
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
