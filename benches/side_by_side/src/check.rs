//! Checks in the database that the work was done.

use futures_util::TryStreamExt as _;
use mongodb::{
    Database,
    bson::{Bson, Document, doc},
};

use crate::{list::THINGS, problem::Problem};

/// The history of a tool, and which of its documents count as applied.
#[derive(Clone, Debug)]
pub struct History {
    /// The collection of the history.
    pub collection: &'static str,
    /// The filter for migrations that are applied.
    pub applied: Document,
}

/// Checks that the collection has `count` effects, each once.
///
/// # Errors
///
/// If it has others.
pub async fn effects(db: &Database, count: u64) -> Result<(), Problem> {
    let group = [doc! { "$group": { "_id": "$n", "times": { "$sum": 1 } } }];
    let groups: Vec<Document> =
        db.collection::<Document>(THINGS).aggregate(group).await?.try_collect().await?;
    let twice: Vec<&Document> = groups.iter().filter(|group| !is_once(group)).collect();
    if u64::try_from(groups.len())? != count || !twice.is_empty() {
        let found = groups.len();
        let more = match twice.first() {
            Some(one) => format!(", and some more than once, such as {one}"),
            None => String::new(),
        };
        return Err(format!("{found} of {count} effects were there{more}").into());
    }
    Ok(())
}

fn is_once(group: &Document) -> bool {
    matches!(group.get("times"), Some(Bson::Int32(1) | Bson::Int64(1)))
}

/// The number of effects; an effect that happened twice counts twice.
///
/// # Errors
///
/// The driver's errors.
pub async fn count_effects(db: &Database) -> Result<u64, Problem> {
    Ok(db.collection::<Document>(THINGS).count_documents(doc! {}).await?)
}

/// Checks that the history has `count` migrations applied.
///
/// # Errors
///
/// If it has another number.
pub async fn history(db: &Database, history: &History, count: u64) -> Result<(), Problem> {
    let applied = db.collection::<Document>(history.collection);
    let found = applied.count_documents(history.applied.clone()).await?;
    if found == count {
        Ok(())
    } else {
        Err(format!("{found} applied in `{}` instead of {count}", history.collection).into())
    }
}
