//! Example four.

use mongrate::{Online, Result, migration};

/// Example four.
///
/// Online: for indexes, DDL and large changes. Not atomic as a whole: after a crash it runs
/// again from the start, and finds done what was done.
#[migration(version = 20260102004, reversible = revert_example_four)]
async fn example_four(on: &mut Online<'_>) -> Result {
    // For example, with `use mongrate::bson::{Document, doc};` above:
    //
    //     on.create_index("users", doc! { "email": 1 }).name("email").unique(true).await?;
    //     Ok(())
    //
    // Each step of `on` may be run again: keep your own calls idempotent too.
    let _ = on;
    Err("`example_four` is not written yet".into())
}

/// What `down` runs: it undoes what is above.
async fn revert_example_four(on: &mut Online<'_>) -> Result {
    // For example:
    //
    //     on.drop_index("users", "email").await?;
    //     Ok(())
    let _ = on;
    Err("`revert_example_four` is not written yet".into())
}
