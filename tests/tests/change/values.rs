//! Pipelines and functions of the migration, there and back.

use mongrate::{
    BoxError, Online, Result,
    bson::{Document, doc},
};
use mongrate_tests::TestDb;

use super::{find, insert, kept, migration, there_and_back, with_shapes};

#[tokio::test]
async fn pipelines_go_both_ways() {
    let fresh = with_shapes("pipelines_go").await;
    there_and_back(&fresh, |change| {
        change
            .update(
                "users",
                vec![doc! { "$set": { "n": { "$multiply": ["$n", 2] } } }],
                vec![doc! { "$set": { "n": { "$divide": ["$n", 2] } } }],
            )
            .filter(doc! { "n": { "$type": "number" } })
            .backward_filter(doc! { "n": { "$type": "number" } });
        change
            .update(
                "users",
                vec![doc! { "$replaceWith": { "name": "$name", "all": "$$ROOT" } }],
                vec![doc! { "$replaceWith": "$all" }],
            )
            .filter(doc! { "name": { "$exists": true } })
            .backward_filter(doc! { "all": { "$exists": true } });
        change.update("users", vec![doc! { "$unset": ["items", "address"] }], vec![]);
    })
    .await;
    fresh.pass().await;
}

#[tokio::test]
async fn what_a_pipeline_computes_anew_each_time_is_read_and_kept() {
    let fresh = TestDb::new("what_a_pipeline_computes").await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "seen": "old" }, doc! { "_id": 2 }]).await;
    let migrator = fresh.migrator([migration(|change| {
        let now = vec![doc! { "$set": { "seen": "$$NOW" } }];
        change.update("users", now, vec![doc! { "$unset": "seen" }]);
    })]);
    migrator.up().await.unwrap();
    migrator.down().await.unwrap();
    assert_eq!(find(&fresh.db, "users", 1).await, doc! { "_id": 1, "seen": "old" });
    assert_eq!(find(&fresh.db, "users", 2).await, doc! { "_id": 2 });
    assert_eq!(kept(&fresh.db).await, ["migrations.kept.1.0.back"], "the moment is not lost");
    fresh.pass().await;
}

async fn seed(on: &mut Online<'_>) -> Result {
    on.transaction("seed", async |tx| {
        let mut plans = tx.collection::<Document>("plans");
        plans.insert_one(doc! { "_id": 1 }).await?;
        Ok(())
    })
    .await
}

async fn unseed(on: &mut Online<'_>) -> Result {
    on.transaction("seed", async |tx| {
        let mut plans = tx.collection::<Document>("plans");
        plans.delete_one(doc! { "_id": 1 }).await?;
        Ok(())
    })
    .await
}

async fn seed_more(on: &mut Online<'_>) -> Result<(), std::io::Error> {
    let mut plans = vec![doc! { "$set": { "more": true } }];
    plans.truncate(1);
    on.backfill("seed", "plans").update(plans).await.map_err(std::io::Error::other)?;
    Ok(())
}

#[tokio::test]
async fn functions_run_both_ways() {
    let fresh = TestDb::new("functions_run").await;
    there_and_back(&fresh, |change| {
        change.create_collection("plans");
        change.run(seed, unseed);
        change.run(seed_more, async |on: &mut Online<'_>| -> Result<(), BoxError> {
            on.backfill("seed", "plans").update(vec![doc! { "$unset": "more" }]).await?;
            Ok(())
        });
    })
    .await;
    assert_eq!(find(&fresh.db, "plans", 1).await, doc! { "_id": 1, "more": true });
    fresh.pass().await;
}
