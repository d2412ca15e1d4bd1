//! A client that keeps strictly to the Stable API: every verb works with it, or says before the
//! first write what it needs.

use std::time::Duration;

use mongrate::{
    Change, Kind, Migration, Migrator, Resolution, Retries, StartPolicy,
    bson::{Document, doc},
    mongodb::{
        Client,
        options::{ClientOptions, ServerApi, ServerApiVersion},
    },
};
use mongrate_tests::{TestDb, snapshot::snapshot};

use super::{count, fresh, insert, kept, migration, says, status};

/// A migrator through a strict client of the same database; `None`: the server is older than the
/// Stable API.
async fn strict(fresh: &TestDb, list: impl IntoIterator<Item = Migration>) -> Option<Migrator> {
    if fresh.version().await < (6, 0) {
        return None;
    }
    let mut options = ClientOptions::parse(&fresh.uri).await.unwrap();
    let api = ServerApi::builder().version(ServerApiVersion::V1).strict(true);
    options.server_api = Some(api.deprecation_errors(true).build());
    options.app_name = Some(fresh.db.name().to_owned());
    let database = Client::with_options(options).unwrap().database(fresh.db.name());
    Some(Migrator::with(&database, list))
}

type Declare = fn(&mut Change);

const TRANSACTION: Migration = Migration::transactional(1, "seed", |tx| {
    Box::pin(async move {
        let mut users = tx.collection::<Document>("users");
        users.insert_many((0..1_500).map(|n| doc! { "_id": n, "a": 1, "s": "1" })).await?;
        Ok(())
    })
})
.reversible_by(|tx| {
    Box::pin(async move {
        tx.collection::<Document>("users").delete_many(doc! {}).await?;
        Ok(())
    })
});

const ONLINE: Migration = Migration::online_steps(2, "online", |on| {
    Box::pin(async move {
        on.create_index("users", doc! { "a": 1 }).await?;
        on.create_collection("plans", doc! {}).await?;
        let set = vec![doc! { "$set": { "b": 1 } }];
        on.backfill("pipeline", "users").batch_size(400).update(set).await?;
        let each =
            |document: Document| Ok(Some(doc! { "$set": { "id": document.get_i32("_id")? } }));
        on.backfill("each", "users").batch_size(400).update_each(each).await?;
        on.drop_collection("plans").await?;
        Ok(())
    })
})
.reversible_online_by(|on| Box::pin(async move { on.drop_index("users", "a_1").await }));

const CHANGE: Migration = Migration::declared(3, "change", |change| {
    change.create_index("users", doc! { "b": 1 }).sparse(true);
    change.rename_field("users", "a", "c");
    change.add_field("users", "d", 1);
    change.remove_field("users", "b");
    change.change_type("users", "s", mongrate::FieldType::String, mongrate::FieldType::Int);
    change.move_field("users", "c", "sub.c");
    change.update("users", vec![doc! { "$set": { "u": 1 } }], vec![]);
    change.set_validator("users", doc! { "d": { "$exists": true } });
    change.hide_index("users", "b_1");
    change.drop_index("users", doc! { "a": 1 });
});

#[tokio::test]
async fn every_verb_works_with_it() {
    let fresh = fresh("every_verb_strict").await;
    let all = [TRANSACTION, ONLINE, CHANGE];
    let Some(migrator) = strict(&fresh, all).await else { return fresh.pass().await };
    migrator.up().lint(true).plan().await.unwrap();
    migrator.up().to(1).dry_run().await.unwrap();
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        count(&fresh.db, "users", doc! { "sub.c": 1, "s": 1, "id": { "$gte": 0 } }).await,
        1_500
    );
    let applied = snapshot(&fresh.db).await;
    migrator.status().await.unwrap();
    migrator.history().await.unwrap();
    migrator.check().strict(true).await.unwrap();
    migrator.on_start().policy(StartPolicy::Check).await.unwrap();
    migrator.lock_status().await.unwrap();
    migrator.down().lint(true).plan().await.unwrap();
    migrator.redo().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(snapshot(&fresh.db).await, applied);
    migrator.down().all().await.unwrap_or_else(|error| panic!("{error}"));
    migrator.baseline(2).await.unwrap();
    migrator.resolve(1, Resolution::Pending).await.ok();
    migrator.repair().await.unwrap();
    migrator.purge().preview().await.unwrap();
    migrator.purge().await.unwrap();
    fresh.pass().await;
}

#[tokio::test]
async fn what_is_not_in_it_is_refused_before_the_first_write() {
    let fresh = fresh("refused_strict").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "a": 1 }]).await;
    let declarations: [(Declare, &str); 4] = [
        (|change| change.rename_collection("users", "people"), "renameCollection"),
        (
            |change| {
                change.drop_collection("users");
            },
            "renameCollection",
        ),
        (
            |change| {
                change.create_collection("log").capped(4_096);
            },
            "`capped`",
        ),
        (
            |change| {
                change.create_index("users", doc! { "t": "text" });
            },
            "text index",
        ),
    ];
    let before = snapshot(&fresh.db).await;
    for (declare, what) in declarations {
        // Not the first operation: that one is not done either.
        static DECLARE: std::sync::Mutex<Option<fn(&mut Change)>> = std::sync::Mutex::new(None);
        *DECLARE.lock().unwrap() = Some(declare);
        let migration = Migration::declared(1, "one", |change| {
            change.remove_field("users", "a");
            DECLARE.lock().unwrap().unwrap()(change);
        });
        let Some(migrator) = strict(&fresh, [migration]).await else { return fresh.pass().await };
        let error = migrator.up().await.unwrap_err();
        says(&error, &[what, "Stable API", "nothing was changed", "strict"]);
        assert_eq!(error.kind(), Kind::Failed);
        assert_eq!(snapshot(&fresh.db).await, before);
        assert_eq!(kept(&fresh.db).await, Vec::<String>::new());
        assert_eq!(status(&migrator, 1).await.half_done, None);
        // Another client can.
        fresh.migrator([migration]).up().await.unwrap();
        let error = migrator.down().await;
        if what == "renameCollection" {
            says(error.unwrap_err(), &[what, "nothing was changed"]);
        }
        fresh.migrator([migration]).down().await.ok();
        assert_eq!(snapshot(&fresh.db).await, before);
    }
    fresh.pass().await;
}

#[tokio::test]
async fn a_created_collection_is_not_rolled_back_half_way() {
    let fresh = fresh("created_strict").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "a": 1 }]).await;
    let migration = migration(|change| {
        change.create_collection("plans");
        change.remove_field("users", "a");
    });
    let Some(migrator) = strict(&fresh, [migration]).await else { return fresh.pass().await };
    migrator.up().await.unwrap();
    let applied = snapshot(&fresh.db).await;
    let error = migrator.down().await.unwrap_err();
    says(&error, &["operation 1", "renameCollection", "nothing was changed"]);
    assert_eq!(snapshot(&fresh.db).await, applied);
    assert_eq!(status(&migrator, 1).await.state, mongrate::State::Applied);
    fresh.migrator([migration]).down().await.unwrap();
    fresh.pass().await;
}

#[tokio::test]
async fn online_migrations_are_told_what_to_do() {
    let fresh = fresh("online_strict").await;
    insert(&fresh.db, "a", [doc! { "_id": 1 }]).await;
    let renames = Migration::online_steps(1, "one", |on| {
        Box::pin(async move { on.rename_collection("a", "b").await })
    });
    let Some(migrator) = strict(&fresh, [renames]).await else { return fresh.pass().await };
    says(migrator.up().await.unwrap_err(), &["renameCollection", "Stable API", "ServerApi"]);
    assert_eq!(count(&fresh.db, "a", doc! {}).await, 1);
    fresh.pass().await;
}

#[tokio::test]
async fn a_shadow_run_says_what_it_needs() {
    let fresh = fresh("shadow_strict").await;
    let Some(migrator) = strict(&fresh, [TRANSACTION]).await else { return fresh.pass().await };
    match migrator.up().shadow().await {
        Ok(_) => {}
        Err(error) => says(error, &["Stable API"]),
    }
    assert_eq!(count(&fresh.db, "users", doc! {}).await, 0);
    fresh.pass().await;
}

/// A commit whose outcome is unknown is cleared up without `killSessions`.
#[tokio::test]
async fn a_commit_without_an_answer_is_cleared_up() {
    let fresh = fresh("unknown_strict").await;
    let Some(migrator) = strict(&fresh, [TRANSACTION]).await else { return fresh.pass().await };
    let data = doc! {
        "failCommands": ["commitTransaction"], "errorCode": 50, "closeConnection": false,
        "errorLabels": ["UnknownTransactionCommitResult"],
    };
    let fail = fresh.fail(doc! { "times": 200 }, data).await;
    let retries = Retries::new().attempts_max(2).pause_max(Duration::from_millis(10));
    let ended = migrator.retries(retries).up().await;
    fail.off().await;
    let error = ended.unwrap_err();
    assert!(!error.to_string().contains("not known"), "it was found out: {error}");
    fresh.migrator([TRANSACTION]).up().await.unwrap();
    assert_eq!(count(&fresh.db, "users", doc! {}).await, 1_500);
    fresh.pass().await;
}
