//! Example one.

use mongrate::{Result, Transaction, migration};

/// Example one.
///
/// A transaction: its writes and its history record commit together, or not at all. The migration
/// has no rollback, so `down` refuses to go below it; add `reversible = …` to give it a rollback.
#[migration(version = 20260102001)]
async fn example_one(tx: &mut Transaction<'_>) -> Result {
    // For example, with `use mongrate::bson::{Document, doc};` above:
    //
    //     tx.collection::<Document>("users")
    //         .update_many(doc! { "plan": null }, doc! { "$set": { "plan": "free" } })
    //         .await?;
    //     Ok(())
    //
    // Or document by document: advance the cursor with the transaction's session.
    //
    //     let mut users = tx.collection::<Document>("users").find(doc! {}).await?;
    //     while let Some(user) = users.next(tx.session()).await {
    //         let user = user?;
    //     }
    //
    // For some ten thousand documents at most. Declare indexes, collections, validators and fields
    // (`--kind change`), and use backfills for more documents (`--kind online`).
    let _ = tx;
    Err("`example_one` is not written yet".into())
}
