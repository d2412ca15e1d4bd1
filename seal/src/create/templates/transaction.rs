//! Example one.

use mongrate::{Result, Transaction, migration};

/// Example one.
///
/// A transaction: its writes and its history record commit together, or not at all. It has
/// no rollback, so `down` refuses to go below it; add `reversible = …` to give it one.
#[migration(version = 20260102001)]
async fn example_one(tx: &mut Transaction<'_>) -> Result {
    // For example, with `use mongrate::bson::{Document, doc};` above:
    //
    //     tx.collection::<Document>("users")
    //         .update_many(doc! { "plan": null }, doc! { "$set": { "plan": "free" } })
    //         .await?;
    //     Ok(())
    //
    // And document by document: a cursor is advanced with the transaction's session.
    //
    //     let mut users = tx.collection::<Document>("users").find(doc! {}).await?;
    //     while let Some(user) = users.next(tx.session()).await {
    //         let user = user?;
    //     }
    //
    // Some ten thousand documents at most. Indexes, collections, validators and fields:
    // declare them (`--kind change`). Bigger changes of documents: backfills (`--kind online`).
    let _ = tx;
    Err("`example_one` is not written yet".into())
}
