//! Inserts two thousand patients in named steps. Each step commits together with its checkpoint, so no
//! step runs twice, however often the process is killed.

use mongrate::{
    Online, Result,
    bson::{Document, doc},
    migration,
};

use crate::generate;

const PATIENTS: u32 = 2_000;
const PATIENTS_PER_STEP: u32 = 500;

#[migration(version = 20250122004, reversible = remove_patients)]
async fn generate_patients(on: &mut Online<'_>) -> Result {
    for first in (0..PATIENTS).step_by(PATIENTS_PER_STEP as usize) {
        on.transaction(&format!("patients from {first}"), async |tx| {
            let batch = (first..first + PATIENTS_PER_STEP).map(generate::patient);
            tx.collection::<Document>("patients").insert_many(batch).await?;
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn remove_patients(on: &mut Online<'_>) -> Result {
    on.transaction("all patients", async |tx| {
        tx.collection::<Document>("patients").delete_many(doc! {}).await?;
        Ok(())
    })
    .await
}
