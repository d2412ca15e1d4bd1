//! A declared migration that failed half-way is undone from there; a rollback that failed is given
//! up, and what it undid is done again.

use mongrate::{
    Change, Direction, Error, FieldType, Migration, Online, Result, State,
    bson::{Document, doc},
    mongodb::Database,
};
use mongrate_tests::{effects::versions, snapshot::snapshot};

use super::{count, find, fresh, index, insert, kept, migration, says, status};

/// Enough documents for some batches.
const MANY: i32 = 4_500;

async fn many(db: &Database, each: fn(i32) -> Document) {
    insert(db, "users", (0..MANY).map(each)).await;
}

#[tokio::test]
async fn what_failed_after_its_first_operation_is_undone() {
    let fresh = fresh("after_its_first").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "a": 1, "b": 1 }, doc! { "_id": 2, "a": 1 }])
        .await;
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(|change| {
        change.remove_field("users", "b");
        change.create_index("users", doc! { "a": 1 }).unique(true);
        change.add_field("users", "c", 1);
    })]);
    migrator.up().await.unwrap_err();
    assert_eq!(find(&fresh.db, "users", 1).await, doc! { "_id": 1, "a": 1 }, "the field is gone");
    let found = status(&migrator, 1).await;
    assert_eq!(found.state, State::Failed);
    let half_done = found.half_done.unwrap();
    assert_eq!((half_done.direction, half_done.up, half_done.down), (Direction::Up, true, true));
    assert!(!half_done.gives_up_rollback);

    let report = migrator.down().await.unwrap();
    assert_eq!(report.versions(), versions([1]));
    assert_eq!(snapshot(&fresh.db).await, before);
    assert_eq!(kept(&fresh.db).await, Vec::<String>::new());
    let found = status(&migrator, 1).await;
    assert_eq!((found.state, found.half_done), (State::Pending, None));
    assert!(migrator.down().await.unwrap().is_empty(), "now there is nothing to do");

    // And it can be tried again.
    let users = fresh.db.collection::<Document>("users");
    users.update_one(doc! { "_id": 2 }, doc! { "$set": { "a": 2 } }).await.unwrap();
    migrator.up().await.unwrap();
    fresh.pass().await;
}

#[tokio::test]
async fn what_failed_within_an_operation_is_undone_where_it_got_to() {
    let fresh = fresh("within_an_operation").await;
    // Every tenth has the new field already: those are left alone, also where it did not get to.
    many(&fresh.db, |n| match n % 10 {
        0 => doc! { "_id": n, "new": -n - 1 },
        _ => doc! { "_id": n, "old": if n == 4_321 { 5 } else { n } },
    })
    .await;
    let partial = doc! { "new": { "$exists": true } };
    let unique = doc! {
        "key": { "new": 1 }, "name": "new", "unique": true, "partialFilterExpression": partial,
    };
    index(&fresh.db, "users", unique).await;
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(|change| change.rename_field("users", "old", "new"))]);
    let error = migrator.up().await.unwrap_err();
    says(&error, &["operation 1", "11000"]);
    let renamed =
        count(&fresh.db, "users", doc! { "_id": { "$mod": [10, 1] }, "new": { "$exists": true } });
    let renamed = renamed.await;
    assert!(renamed > 0 && renamed < 450, "some of it is done: {renamed}");
    // What users write meanwhile goes back with the rest, where it got to.
    insert(&fresh.db, "users", [doc! { "_id": 0.5, "new": 99_999 }]).await;
    migrator.down().await.unwrap();
    assert_eq!(find(&fresh.db, "users", 0.5).await, doc! { "_id": 0.5, "old": 99_999 });
    let users = fresh.db.collection::<Document>("users");
    users.delete_one(doc! { "_id": 0.5 }).await.unwrap();
    assert!(snapshot(&fresh.db).await == before, "all is as it was");
    assert_eq!(kept(&fresh.db).await, Vec::<String>::new());

    users.update_one(doc! { "_id": 4_321 }, doc! { "$set": { "old": 4_321 } }).await.unwrap();
    let before = snapshot(&fresh.db).await;
    migrator.up().await.unwrap();
    assert_eq!(count(&fresh.db, "users", doc! { "old": { "$exists": true } }).await, 0);
    migrator.down().await.unwrap();
    assert!(snapshot(&fresh.db).await == before, "and once more");
    fresh.pass().await;
}

#[tokio::test]
async fn an_update_that_failed_half_way_is_undone_once() {
    let fresh = fresh("an_update_that_failed").await;
    // The server cannot multiply a text; that comes late.
    many(&fresh.db, |n| match n {
        4_400 => doc! { "_id": n, "total": "much" },
        _ => doc! { "_id": n, "total": f64::from(n) / 8.0 },
    })
    .await;
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(|change| {
        change.update(
            "users",
            vec![doc! { "$set": { "total": { "$multiply": ["$total", 4] } } }],
            vec![doc! { "$set": { "total": { "$divide": ["$total", 4] } } }],
        );
    })]);
    migrator.up().await.unwrap_err();
    assert!(snapshot(&fresh.db).await != before, "some of it is done");
    migrator.down().await.unwrap();
    assert!(snapshot(&fresh.db).await == before, "nothing is divided that was not multiplied");
    fresh.pass().await;
}

#[tokio::test]
async fn what_is_half_done_goes_first() {
    let fresh = fresh("goes_first").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "a": 1 }, doc! { "_id": 2, "a": 1 }]).await;
    let before = snapshot(&fresh.db).await;
    let list = [
        Migration::declared(1, "one", |change| change.add_field("users", "b", 1)),
        Migration::declared(2, "two", |change| {
            change.add_field("users", "c", 1);
            change.create_index("users", doc! { "a": 1 }).unique(true);
        }),
    ];
    let migrator = fresh.migrator(list);
    for target in 0..4 {
        migrator.up().await.unwrap_err();
        let report = match target {
            0 => migrator.down().steps(2).await,
            1 => migrator.down().batch().await,
            2 => migrator.down().all().await,
            _ => migrator.down().to(0).await,
        };
        let report = report.unwrap_or_else(|error| panic!("{target}: {error}"));
        assert_eq!(report.versions(), versions([2, 1]), "{target}");
        assert_eq!(snapshot(&fresh.db).await, before);
    }
    migrator.up().await.unwrap_err();
    assert_eq!(migrator.down().await.unwrap().versions(), versions([2]), "one step is the half");
    migrator.up().await.unwrap_err();
    let error = migrator.redo().await.unwrap_err();
    says(&error, &["11000"]);
    assert_eq!(migrator.down().plan().await.unwrap().steps[0].version.get(), 2);
    fresh.pass().await;
}

async fn nothing(_: &mut Online<'_>) -> Result {
    Ok(())
}

async fn fails(on: &mut Online<'_>) -> Result {
    on.transaction("one", async |tx| {
        tx.collection::<Document>("plans").insert_one(doc! { "_id": 1 }).await?;
        Ok(())
    })
    .await?;
    Err("on purpose".into())
}

async fn undo(on: &mut Online<'_>) -> Result {
    on.transaction("one", async |tx| {
        tx.collection::<Document>("plans").delete_one(doc! { "_id": 1 }).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_function_that_failed_is_undone_by_its_other_half() {
    let fresh = fresh("a_function_that_failed").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "a": 1 }]).await;
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(|change| {
        change.create_collection("plans");
        change.remove_field("users", "a");
        change.run(fails, undo);
        change.run(nothing, fails);
    })]);
    migrator.up().await.unwrap_err();
    assert_eq!(count(&fresh.db, "plans", doc! {}).await, 1);
    migrator.down().await.unwrap();
    assert_eq!(snapshot(&fresh.db).await, before);
    fresh.pass().await;
}

#[tokio::test]
async fn what_cannot_be_undone_half_way_is_no_success() {
    let fresh = fresh("no_success").await;
    let online = Migration::online_steps(1, "one", |on| Box::pin(async move { fails(on).await }))
        .reversible_online_by(|on| Box::pin(async move { undo(on).await }));
    let migrator = fresh.migrator([online]);
    migrator.up().await.unwrap_err();
    for error in [migrator.down().await.unwrap_err(), migrator.redo().await.unwrap_err()] {
        assert!(matches!(error, Error::WrongState { .. }), "{error}");
        says(&error, &["half-done", "`up`", "resolve --as pending"]);
    }
    assert!(!status(&migrator, 1).await.half_done.unwrap().down);
    fresh.pass().await;

    // Of a transaction that failed nothing is there.
    let fresh = super::fresh("no_success_either").await;
    let fails = Migration::transactional(1, "one", |_| Box::pin(async { Err("no".into()) }));
    let migrator = fresh.migrator([fails]);
    migrator.up().await.unwrap_err();
    assert!(migrator.down().await.unwrap().is_empty());
    assert_eq!(status(&migrator, 1).await.half_done, None);
    fresh.pass().await;
}

#[tokio::test]
async fn a_rollback_that_failed_between_operations_is_given_up() {
    let fresh = fresh("between_operations").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "a": 1, "x": 1 }]).await;
    index(&fresh.db, "users", doc! { "key": { "a": 1 }, "name": "a_1", "unique": true }).await;
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(|change| {
        change.drop_index("users", doc! { "a": 1 }).unique(true);
        change.rename_field("users", "x", "y");
        change.create_collection("later");
    })]);
    migrator.up().await.unwrap();
    insert(&fresh.db, "users", [doc! { "_id": 2, "a": 1, "y": 2 }]).await;
    let applied = snapshot(&fresh.db).await;

    let error = migrator.down().await.unwrap_err();
    says(&error, &["operation 1", "11000"]);
    assert_eq!(find(&fresh.db, "users", 2).await, doc! { "_id": 2, "a": 1, "x": 2 });
    let found = status(&migrator, 1).await;
    assert_eq!(found.state, State::Failed);
    says(found.failure.as_ref().unwrap(), &["operation 1", "11000"]);
    let half_done = found.half_done.unwrap();
    assert_eq!(half_done.direction, Direction::Down);
    assert!(half_done.up && half_done.gives_up_rollback && half_done.down);
    let json = serde_json::to_value(migrator.status().await.unwrap()).unwrap();
    let migration = &json["migrations"][0];
    assert_eq!(
        (&migration["state"], &migration["half_done"]["direction"]),
        (&"failed".into(), &"down".into())
    );
    assert_eq!(migration["half_done"]["gives_up_rollback"], true);

    // Again is the same; and forward there is a way.
    migrator.down().await.unwrap_err();
    let plan = migrator.up().plan().await.unwrap();
    assert_eq!(plan.steps.len(), 1, "it is not rolled back first");
    assert!(plan.steps[0].resumes);
    let report = migrator.up().await.unwrap();
    assert_eq!(report.versions(), versions([1]));
    assert_eq!(snapshot(&fresh.db).await, applied);
    let found = status(&migrator, 1).await;
    assert_eq!((found.state, found.failure, found.half_done), (State::Applied, None, None));
    migrator.check().await.unwrap();

    let users = fresh.db.collection::<Document>("users");
    users.delete_one(doc! { "_id": 2 }).await.unwrap();
    migrator.down().await.unwrap();
    assert_eq!(snapshot(&fresh.db).await, before);
    assert_eq!(kept(&fresh.db).await, Vec::<String>::new());
    fresh.pass().await;
}

#[tokio::test]
async fn a_rollback_that_failed_within_an_operation_is_given_up() {
    let fresh = fresh("rollback_within").await;
    // Every tenth had the field before: it is left alone.
    many(&fresh.db, |n| match n % 10 {
        0 => doc! { "_id": n, "n": n, "plan": "old" },
        _ => doc! { "_id": n, "n": n },
    })
    .await;
    let unique = doc! { "key": { "plan": 1, "n": 1 }, "name": "u", "unique": true };
    index(&fresh.db, "users", unique).await;
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(|change| {
        change.add_field("users", "plan", "free");
        change.create_collection("later");
    })]);
    migrator.up().await.unwrap();
    let users = fresh.db.collection::<Document>("users");
    // Another plan is chosen, early and late; and two would become the same.
    for id in [11, 4_411] {
        let set = doc! { "$set": { "plan": "gold" } };
        users.update_one(doc! { "_id": id }, set).await.unwrap();
    }
    insert(&fresh.db, "users", [doc! { "_id": 3_000.5, "n": 5, "plan": "silver" }]).await;
    let applied = snapshot(&fresh.db).await;

    migrator.down().await.unwrap_err();
    let plain = count(&fresh.db, "users", doc! { "plan": null }).await;
    assert!(plain > 0 && plain < 4_000, "some of it is undone: {plain}");
    assert_eq!(find(&fresh.db, "users", 11).await, doc! { "_id": 11, "n": 11 });
    // What is inserted meanwhile is not left out.
    insert(&fresh.db, "users", [doc! { "_id": 12.5, "n": -5 }]).await;
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    let late = doc! { "_id": 12.5, "n": -5, "plan": "free" };
    assert_eq!(find(&fresh.db, "users", 12.5).await, late);
    users.delete_one(doc! { "_id": 12.5 }).await.unwrap();
    assert!(snapshot(&fresh.db).await == applied, "all is as it was before the rollback");

    users.delete_one(doc! { "_id": 3_000.5 }).await.unwrap();
    migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
    assert!(snapshot(&fresh.db).await == before, "also what had the field before");
    let aside = kept(&fresh.db).await;
    assert_eq!(aside, ["migrations.kept.1.0.back"], "what users chose is kept aside");
    assert_eq!(count(&fresh.db, &aside[0], doc! {}).await, 2);
    fresh.pass().await;
}

/// Up; a rollback that fails at document 4,000, as a user's document has what it would get; a user changes
/// document 3, which was rolled back; the rollback is given up; down. Returns document 3.
async fn changed_while_half_rolled_back(
    name: &str,
    (of, three): (fn(i32) -> Document, Document),
    (stands_in_the_way, change): (Document, Document),
    (collation, declare): (Document, fn(&mut Change)),
) -> Document {
    let fresh = fresh(name).await;
    let create = doc! { "create": "users", "collation": collation };
    fresh.db.run_command(create).await.unwrap();
    many(&fresh.db, of).await;
    let users = fresh.db.collection::<Document>("users");
    users.update_one(doc! { "_id": 3 }, doc! { "$set": three }).await.unwrap();
    let unique = doc! { "key": { "v": 1, "n": 1 }, "name": "u", "unique": true };
    index(&fresh.db, "users", unique).await;
    let migrator = fresh.migrator([migration(declare)]);
    migrator.up().await.unwrap();
    users.insert_one(stands_in_the_way).await.unwrap();
    let error = migrator.down().await.unwrap_err();
    says(&error, &["11000"]);
    users.delete_one(doc! { "_id": 10.5 }).await.unwrap();
    assert_eq!(users.update_one(doc! { "_id": 3 }, change).await.unwrap().modified_count, 1);
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
    let three = find(&fresh.db, "users", 3).await;
    assert_eq!(find(&fresh.db, "users", 5).await, of(5), "the others are as they were");
    assert_eq!(find(&fresh.db, "users", 4_200).await, of(4_200));
    fresh.pass().await;
    three
}

/// What was remembered before is not put back over what a user wrote while it was half rolled back.
#[tokio::test]
async fn what_a_user_wrote_while_it_was_half_rolled_back_stays() {
    let simple = doc! { "locale": "simple" };
    for (number, collation) in [simple, doc! { "locale": "en" }].into_iter().enumerate() {
        let three = changed_while_half_rolled_back(
            &format!("half_converted_{number}"),
            (|n| doc! { "_id": n, "n": n, "v": "7" }, doc! { "v": "0012" }),
            (doc! { "_id": 10.5, "n": 4_000, "v": "7" }, doc! { "$set": { "v": "12" } }),
            (collation.clone(), |change| {
                change.change_type("users", "v", FieldType::String, FieldType::Int);
            }),
        )
        .await;
        assert_eq!(three, doc! { "_id": 3, "n": 3, "v": "12" });
        let three = changed_while_half_rolled_back(
            &format!("half_removed_{number}"),
            (|n| doc! { "_id": n, "n": n, "v": "7" }, doc! { "v": "8" }),
            (doc! { "_id": 10.5, "n": 4_000, "v": "7" }, doc! { "$unset": { "v": "" } }),
            (collation, |change| {
                change.remove_field("users", "v");
            }),
        )
        .await;
        assert_eq!(three, doc! { "_id": 3, "n": 3 });
    }
}

#[tokio::test]
async fn a_rollback_of_pipelines_is_given_up() {
    let fresh = fresh("of_pipelines").await;
    many(&fresh.db, |n| doc! { "_id": n, "total": f64::from(n) / 8.0 }).await;
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(|change| {
        change.update(
            "users",
            vec![doc! { "$set": { "total": { "$multiply": ["$total", 4] } } }],
            vec![doc! { "$set": { "total": { "$divide": ["$total", 4] } } }],
        );
    })]);
    migrator.up().await.unwrap();
    let users = fresh.db.collection::<Document>("users");
    let set = doc! { "$set": { "total": "much" } };
    users.update_one(doc! { "_id": 4_400 }, set).await.unwrap();
    let applied = snapshot(&fresh.db).await;
    migrator.down().await.unwrap_err();
    assert!(snapshot(&fresh.db).await != applied, "some of it is undone");
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    assert!(snapshot(&fresh.db).await == applied, "nothing is multiplied twice");
    let set = doc! { "$set": { "total": 2_200.0 } };
    users.update_one(doc! { "_id": 4_400 }, set).await.unwrap();
    migrator.down().await.unwrap();
    assert!(snapshot(&fresh.db).await == before);
    fresh.pass().await;
}

#[tokio::test]
async fn a_rollback_that_failed_in_a_function_is_not_given_up() {
    let fresh = fresh("failed_in_a_function").await;
    let migrator = fresh.migrator([migration(|change| {
        change.create_collection("plans");
        change.run(nothing, fails);
    })]);
    migrator.up().await.unwrap();
    migrator.down().await.unwrap_err();
    let half_done = status(&migrator, 1).await.half_done.unwrap();
    assert!(half_done.up && half_done.down && !half_done.gives_up_rollback);
    let plan = migrator.up().plan().await.unwrap();
    assert_eq!(plan.steps[0].direction, Direction::Down, "it is finished first");
    migrator.resolve(1, mongrate::Resolution::Applied).await.unwrap();
    assert_eq!(status(&migrator, 1).await.half_done, None);
    fresh.pass().await;
}

/// Turned round, it fails again: it resumes in that direction, and does not turn once more.
#[tokio::test]
async fn a_rollback_that_is_given_up_resumes_after_another_failure() {
    let fresh = fresh("given_up_resumes").await;
    many(&fresh.db, |n| doc! { "_id": n, "old": n }).await;
    let partial = |field: &str| {
        doc! {
            "key": { field: 1 }, "name": field, "unique": true,
            "partialFilterExpression": { field: { "$exists": true } },
        }
    };
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(|change| change.rename_field("users", "old", "new"))]);
    migrator.up().await.unwrap();
    // The way back fails late.
    index(&fresh.db, "users", partial("old")).await;
    insert(&fresh.db, "users", [doc! { "_id": 3_500.5, "new": 7 }]).await;
    migrator.down().await.unwrap_err();
    let undone = count(&fresh.db, "users", doc! { "old": { "$exists": true } }).await;
    assert!(undone > 1_000, "some batches of it: {undone}");
    // And the way forward again, too.
    let users = fresh.db.collection::<Document>("users");
    users.delete_one(doc! { "_id": 3_500.5 }).await.unwrap();
    insert(&fresh.db, "users", [doc! { "_id": 1_500.5, "old": 8_888 }]).await;
    insert(&fresh.db, "users", [doc! { "_id": 9_000, "new": 8_888 }]).await;
    index(&fresh.db, "users", partial("new")).await;
    migrator.up().await.unwrap_err();
    let half_done = status(&migrator, 1).await.half_done.unwrap();
    assert_eq!((half_done.direction, half_done.down), (Direction::Up, false));
    let error = migrator.down().await.unwrap_err();
    assert!(matches!(error, Error::WrongState { .. }), "{error}");
    users.delete_one(doc! { "_id": 1_500.5 }).await.unwrap();
    users.delete_one(doc! { "_id": 9_000 }).await.unwrap();
    migrator.up().await.unwrap();
    assert_eq!(count(&fresh.db, "users", doc! { "old": { "$exists": true } }).await, 0);
    assert_eq!(kept(&fresh.db).await, Vec::<String>::new());
    users.drop_index("old").await.unwrap();
    migrator.down().await.unwrap();
    users.drop_index("new").await.unwrap();
    assert!(snapshot(&fresh.db).await == before);
    fresh.pass().await;
}
