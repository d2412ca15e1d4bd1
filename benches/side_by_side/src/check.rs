//! Whether the work was really done, as the database has it.

use futures_util::TryStreamExt as _;
use mongodb::{
    Database,
    bson::{Bson, Document, doc},
};

use crate::{Problem, list::THINGS};

/// Where a tool keeps its history, and what in it counts as applied.
#[derive(Clone, Debug)]
pub struct History {
    /// The collection.
    pub collection: &'static str,
    /// What is applied.
    pub applied: Document,
}

/// That `count` effects are there, each once.
///
/// # Errors
///
/// When it is not so.
pub async fn effects(db: &Database, count: u64) -> Result<(), Problem> {
    let group = [doc! { "$group": { "_id": "$n", "times": { "$sum": 1 } } }];
    let groups: Vec<Document> =
        db.collection::<Document>(THINGS).aggregate(group).await?.try_collect().await?;
    let twice: Vec<&Document> = groups.iter().filter(|group| !once(group)).collect();
    if u64::try_from(groups.len())? != count || !twice.is_empty() {
        let found = groups.len();
        return Err(format!("{found} effects instead of {count}; not once: {twice:?}").into());
    }
    Ok(())
}

fn once(group: &Document) -> bool {
    matches!(group.get("times"), Some(Bson::Int32(1) | Bson::Int64(1)))
}

/// How many effects are there, those that are there several times counted so often.
///
/// # Errors
///
/// The driver's.
pub async fn effects_in_all(db: &Database) -> Result<u64, Problem> {
    Ok(db.collection::<Document>(THINGS).count_documents(doc! {}).await?)
}

/// That the history has `count` applied.
///
/// # Errors
///
/// When it is not so.
pub async fn history(db: &Database, history: &History, count: u64) -> Result<(), Problem> {
    let applied = db.collection::<Document>(history.collection);
    let found = applied.count_documents(history.applied.clone()).await?;
    if found == count {
        Ok(())
    } else {
        Err(format!("{found} applied in `{}` instead of {count}", history.collection).into())
    }
}
