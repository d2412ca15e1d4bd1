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
    Err("`example_two` is not written yet".into())
}

/// What `down` runs: it undoes what is above.
async fn revert_example_two(tx: &mut Transaction<'_>) -> Result {
    // For example, as long as nobody has chosen the plan `free` (a declared change remembers who
    // had none, and needs no rollback written):
    //
    //     tx.collection::<Document>("users")
    //         .update_many(doc! { "plan": "free" }, doc! { "$unset": { "plan": "" } })
    //         .await?;
    //     Ok(())
    let _ = tx;
    Err("`revert_example_two` is not written yet".into())
}
