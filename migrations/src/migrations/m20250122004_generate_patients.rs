//! Inserts two thousand patients in named steps. Each step commits together with its checkpoint, so no
//! step runs twice, however often the process is killed.
//!
//! What a patient was then stands in this file: the app's own types may change, and this migration does
//! not change with them.

use mongrate::{
    Online, Result,
    bson::{Document, doc},
    migration,
};

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

/// Invented patients, the same in every run.
mod generate {
    use mongrate::bson::{Document, doc};

    const GIVEN: [&str; 12] = [
        "Ada", "Bela", "Chidi", "Dora", "Emil", "Farah", "Gus", "Hana", "Ivo", "Jun", "Kaya",
        "Lena",
    ];
    const FAMILY: [&str; 11] = [
        "Abara", "Berg", "Costa", "Dvorak", "Endo", "Fiala", "Garcia", "Haas", "Ito", "Jansen",
        "Kaur",
    ];
    const COUNTRIES: [&str; 7] = ["AT", "BR", "CZ", "DE", "JP", "NG", "NL"];

    /// Returns the n-th patient.
    pub(super) fn patient(n: u32) -> Document {
        let given = pick(&GIVEN, n);
        let family = pick(&FAMILY, n / 12);
        doc! {
            "number": format!("P{:05}", n + 1),
            "name": format!("{given} {family}"),
            "country": pick(&COUNTRIES, n / 3),
            "born": 1930 + i64::from(n % 90),
        }
    }

    fn pick<'a>(from: &[&'a str], n: u32) -> &'a str {
        from[n as usize % from.len()]
    }
}
