//! Inserts five thousand visits of the patients.

use mongrate::{
    Online, Result,
    bson::{Document, doc},
    migration,
};

use crate::generate;

const VISITS: u32 = 5_000;
const VISITS_PER_STEP: u32 = 1_000;

#[migration(version = 20250122005, reversible = remove_visits)]
async fn generate_visits(on: &mut Online<'_>) -> Result {
    for first in (0..VISITS).step_by(VISITS_PER_STEP as usize) {
        on.transaction(&format!("visits from {first}"), async |tx| {
            let batch = (first..first + VISITS_PER_STEP).map(generate::visit);
            tx.collection::<Document>("visits").insert_many(batch).await?;
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn remove_visits(on: &mut Online<'_>) -> Result {
    on.transaction("all visits", async |tx| {
        tx.collection::<Document>("visits").delete_many(doc! {}).await?;
        Ok(())
    })
    .await
}
