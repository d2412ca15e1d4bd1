//! Example four.

use mongrate::{Online, Result, migration};

/// Example four.
///
/// Online: for what neither a transaction nor a declared change can do, such as backfills of any
/// size. Not atomic as a whole: after a crash the body runs again from its start, and skips the
/// finished steps.
#[migration(version = 20260102004, reversible = revert_example_four)]
async fn example_four(on: &mut Online<'_>) -> Result {
    // For example, with `use mongrate::bson::doc;` above:
    //
    //     on.backfill("plan", "users")
    //         .filter(doc! { "plan": null })
    //         .update(vec![doc! { "$set": { "plan": "free" } }])
    //         .await?;
    //     Ok(())
    //
    // Declare indexes, collections, validators and fields instead (`--kind change`). What you do
    // through `on.database()` is neither fenced nor recorded: keep it idempotent.
    let _ = on;
    Err("`example_four` is not written yet".into())
}

/// The rollback, which `down` runs. Its steps have checkpoints of their own.
async fn revert_example_four(on: &mut Online<'_>) -> Result {
    // For example:
    //
    //     on.backfill("plan", "users")
    //         .filter(doc! { "plan": "free" })
    //         .update(vec![doc! { "$unset": "plan" }])
    //         .await?;
    //     Ok(())
    let _ = on;
    Err("`revert_example_four` is not written yet".into())
}
