//! Inserts five thousand visits of the patients, as a visit was then.

use mongrate::{
    Online, Result,
    bson::{Document, doc},
    migration,
};

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

/// Invented visits, the same in every run.
mod generate {
    use mongrate::bson::{DateTime, Document, doc};

    const REASONS: [&str; 5] = ["check-up", "cough", "fracture", "vaccination", "follow-up"];

    /// 1 January 2025, 08:00 UTC, in milliseconds.
    const OPENED: i64 = 1_735_718_400_000;
    const HALF_HOUR: i64 = 30 * 60 * 1_000;

    /// Returns the n-th visit.
    pub(super) fn visit(n: u32) -> Document {
        doc! {
            // 7919 is prime: the visits spread over all patients.
            "patient": format!("P{:05}", (n * 7_919) % 2_000 + 1),
            "at": DateTime::from_millis(OPENED + i64::from(n) * HALF_HOUR),
            "reason": REASONS[n as usize % REASONS.len()],
        }
    }
}
