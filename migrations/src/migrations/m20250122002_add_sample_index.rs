//! Builds indexes, which a transaction cannot do: so it is an online migration. Each step checks
//! whether it is already done, so it can run again after a crash.

use mongrate::{Online, Result, bson::doc, migration};

#[migration(version = 20250122002, reversible = drop_sample_index)]
async fn add_sample_index(on: &mut Online<'_>) -> Result {
    on.create_index("patients", doc! { "number": 1 }).unique(true).await?;
    on.create_index("visits", doc! { "patient": 1, "at": -1 }).name("by_patient").await
}

async fn drop_sample_index(on: &mut Online<'_>) -> Result {
    on.drop_index("visits", "by_patient").await?;
    on.drop_index("patients", "number_1").await
}
