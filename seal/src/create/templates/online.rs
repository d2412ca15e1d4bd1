//! Example three.

use mongrate::{Online, Result, migration};

/// Example three.
///
/// Online: for indexes, DDL and large changes. Not atomic as a whole: after a crash it runs
/// again from the start, and finds done what was done. It has no rollback, so `down` refuses
/// to go below it; add `reversible = …` to give it one.
#[migration(version = 20260102003)]
async fn example_three(on: &mut Online<'_>) -> Result {
    // For example, with `use mongrate::bson::{Document, doc};` above:
    //
    //     on.create_index("users", doc! { "email": 1 }).unique(true).await?;
    //     on.transaction("the first user", async |tx| {
    //         tx.collection::<Document>("users").insert_one(doc! { "_id": "anna" }).await?;
    //         Ok(())
    //     })
    //     .await
    //
    // Each step of `on` may be run again: keep your own calls idempotent too.
    let _ = on;
    Err("`example_three` is not written yet".into())
}
