//! What is planned, recorded and compared: mistakes, plans, edits, purges.

use std::time::Duration;

use mongrate::{
    Change, Error, Migrator,
    bson::{Document, doc},
};
use mongrate_tests::{TestDb, effects::versions, snapshot::snapshot};

use super::{find, insert, migration, with_shapes};

#[tokio::test]
async fn mistakes_are_told_before_anything_runs() {
    let fresh = TestDb::new("mistakes_are_told").await;
    let migrator = fresh.migrator([migration(|change| {
        change.rename_field("users", "a", "a");
        change.create_index("users", doc! { "a": 1 }).option("$uniq", true);
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
            error.to_string().contains("1 `one` (made by hand): operation 2: the option `$uniq`"),
            "{error}"
        );
    }
    let ours = fresh.migrator([migration(|change| {
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
    let migrator = fresh.migrator([migration(|change| {
        change.create_index("users", doc! { "name": 1 });
        change.rename_field("users", "name", "title");
        change.add_field("users", "plan", "free");
    })]);
    let plan = migrator.plan().await.unwrap();
    let shown: Vec<_> = plan.steps[0]
        .operations
        .iter()
        .map(|operation| {
            (operation.operation.as_str(), operation.undo.as_str(), operation.documents)
        })
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
    let fresh = TestDb::new("what_was_recorded").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "b": 1 }]).await;
    let index = doc! { "key": { "b": 1 }, "name": "b_1" };
    fresh.db.run_command(doc! { "createIndexes": "users", "indexes": [index] }).await.unwrap();
    let migrator = fresh.migrator([migration(|change| {
        change.rename_field("users", "a", "b");
        change.create_index("users", doc! { "b": 1 });
    })]);
    migrator.baseline(1).await.unwrap();
    migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(find(&fresh.db, "users", 1).await, doc! { "_id": 1, "a": 1 });
    let names = fresh.db.collection::<Document>("users").list_index_names().await.unwrap();
    assert_eq!(names, ["_id_"]);

    let migrator = fresh.migrator([migration(|change| change.remove_field("users", "a"))]);
    migrator.baseline(1).await.unwrap();
    let error = migrator.down().await.unwrap_err();
    assert!(error.to_string().contains("without being run"), "{error}");
    fresh.pass().await;
}

#[tokio::test]
async fn an_edit_of_what_is_applied_is_seen_by_the_rollback() {
    let fresh = TestDb::new("an_edit_of").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "a": 1 }]).await;
    let two: fn(&mut Change) = |change| {
        change.rename_field("users", "a", "b");
        change.create_collection("other");
    };
    fresh.migrator([migration(two)]).up().await.unwrap();
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
        let error = fresh.migrator([migration(edited)]).down().await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(snapshot(&fresh.db).await, before);
    }
    fresh.migrator([migration(two)]).down().await.unwrap();
    fresh.pass().await;
}

#[tokio::test]
async fn an_edited_declaration_is_drift() {
    let fresh = TestDb::new("an_edited_declaration").await;
    let declare: fn(&mut Change) = |change| {
        change.create_collection("a");
    };
    fresh.migrator([migration(declare).with_checksum("v1:sha256:1")]).up().await.unwrap();
    let edited = fresh.migrator([migration(declare).with_checksum("v1:sha256:2")]);
    assert!(matches!(edited.up().await.unwrap_err(), Error::Drift(_)));
    edited.repair().await.unwrap();
    assert!(edited.up().await.unwrap().is_empty());
    assert_eq!(edited.down().await.unwrap().versions(), versions([1]));
    fresh.pass().await;
}

#[tokio::test]
async fn the_values_of_a_removed_field_do_not_come_back_after_a_purge() {
    let fresh = TestDb::new("the_values_of").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "a": 1 }]).await;
    let migrator: Migrator = fresh.migrator([migration(|change| {
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
