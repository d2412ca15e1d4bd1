//! Example two.

use mongrate::{Result, Transaction, migration};

/// Example two.
///
/// A transaction: its writes and its history record commit together, or not at all.
#[migration(version = 20260102002, reversible = revert_example_two)]
async fn example_two(tx: &mut Transaction<'_>) -> Result {
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
    Err("`example_two` is not written yet".into())
}

/// The rollback, which `down` runs.
async fn revert_example_two(tx: &mut Transaction<'_>) -> Result {
    // For example, as long as no user has chosen the plan `free` (a declared change remembers which
    // users had no plan, and needs no written rollback):
    //
    //     tx.collection::<Document>("users")
    //         .update_many(doc! { "plan": "free" }, doc! { "$unset": { "plan": "" } })
    //         .await?;
    //     Ok(())
    let _ = tx;
    Err("`revert_example_two` is not written yet".into())
}
