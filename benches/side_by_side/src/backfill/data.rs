//! The documents: made once, copied before each run, checked after it.

use futures_util::TryStreamExt as _;
use mongodb::{
    Database,
    bson::{Bson, Document, doc},
};

use crate::problem::Problem;

/// The collection that the ways change.
pub const THINGS: &str = "things";
/// The original documents.
const SEED: &str = "seed";

/// Makes the documents that every run starts with.
///
/// # Errors
///
/// The driver's errors.
pub async fn seed(db: &Database, count: i32) -> Result<(), Problem> {
    for first in (0..count).step_by(20_000) {
        let documents = (first..count.min(first + 20_000)).map(|id| {
            doc! { "_id": id, "name": format!("thing number {id}"), "kind": id % 17, "open": true }
        });
        db.collection::<Document>(SEED).insert_many(documents).await?;
    }
    Ok(())
}

/// Copies those documents into the collection that the ways change, and drops the history.
///
/// # Errors
///
/// The driver's errors.
pub async fn reset(db: &Database) -> Result<(), Problem> {
    db.collection::<Document>(THINGS).drop().await?;
    db.collection::<Document>("migrations").drop().await?;
    db.collection::<Document>(SEED).aggregate([doc! { "$out": THINGS }]).await?;
    // Written to disk now, so that no way spends time on what the copy left to write.
    db.client().database("admin").run_command(doc! { "fsync": 1 }).await?;
    Ok(())
}

/// Checks that every document was changed exactly once.
///
/// # Errors
///
/// If a document was not changed, or was changed several times.
pub async fn check(db: &Database, count: i32) -> Result<(), Problem> {
    let groups = [doc! { "$group": { "_id": "$n", "count": { "$sum": 1 } } }];
    let groups: Vec<Document> =
        db.collection::<Document>(THINGS).aggregate(groups).await?.try_collect().await?;
    let is_once = groups.first().is_some_and(|group| {
        matches!(group.get("_id"), Some(Bson::Int32(1)))
            && group.get_i32("count").is_ok_and(|found| found == count)
    });
    if groups.len() == 1 && is_once {
        Ok(())
    } else {
        Err(format!("not every document was changed once: {groups:?}").into())
    }
}
