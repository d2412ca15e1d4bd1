//! Step that returns a block.

use mongrate::{
    Online, Result,
    bson::{Document, doc},
    migration,
};

#[migration(version = 1)]
async fn first(on: &mut Online<'_>) -> Result {
    on.transaction("one", |tx| async move {
        tx.collection::<Document>("users").insert_one(doc! { "_id": 1 }).await?;
        Ok(())
    })
    .await
}

fn main() {}
