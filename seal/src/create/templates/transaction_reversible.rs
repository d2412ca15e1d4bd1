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
    // Indexes on collections that exist, `collMod`, renames and drops are not allowed in a
    // transaction: take `&mut Online<'_>` for those.
    let _ = tx;
    Err("`example_two` is not written yet".into())
}

/// What `down` runs: it undoes what is above.
async fn revert_example_two(tx: &mut Transaction<'_>) -> Result {
    // For example:
    //
    //     tx.collection::<Document>("users")
    //         .update_many(doc! { "plan": "free" }, doc! { "$unset": { "plan": 1 } })
    //         .await?;
    //     Ok(())
    let _ = tx;
    Err("`revert_example_two` is not written yet".into())
}
