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
    // Indexes on collections that exist, `collMod`, renames and drops are not allowed in a
    // transaction: take `&mut Online<'_>` for those.
    let _ = tx;
    Err("`example_one` is not written yet".into())
}
