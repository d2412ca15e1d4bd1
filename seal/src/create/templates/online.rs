//! Example three.

use mongrate::{Online, Result, migration};

/// Example three.
///
/// Online: for what neither a transaction nor a declared change can do, such as backfills of any
/// size. Not atomic as a whole: after a crash the body runs again from its start, and skips the
/// finished steps. The migration has no rollback, so `down` refuses to go below it; add
/// `reversible = …` to give it a rollback.
#[migration(version = 20260102003)]
async fn example_three(on: &mut Online<'_>) -> Result {
    // For example, with `use mongrate::bson::{Document, doc};` above:
    //
    //     on.backfill("plan", "users")
    //         .filter(doc! { "plan": null })
    //         .update(vec![doc! { "$set": { "plan": "free" } }])
    //         .await?;
    //     on.transaction("the first user", async |tx| {
    //         tx.collection::<Document>("users").insert_one(doc! { "_id": "anna" }).await?;
    //         Ok(())
    //     })
    //     .await
    //
    // Declare indexes, collections, validators and fields instead (`--kind change`). What you do
    // through `on.database()` is neither fenced nor recorded: keep it idempotent.
    let _ = on;
    Err("`example_three` is not written yet".into())
}
