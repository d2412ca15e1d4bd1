//! Three patients that everyone on the team knows, for development: `clinic up --labels demo`. They are
//! written anew whenever this file changes. A database without the label leaves them out.

use mongrate::{
    Result, Transaction,
    bson::{Document, doc},
    migration,
};

const PATIENTS: [(&str, &str, &str); 3] =
    [("D00001", "Ada", "Demo"), ("D00002", "Bela", "Demo"), ("D00003", "Chidi", "Demo")];

#[migration(repeatable, labels = ["demo"])]
async fn demo_patients(tx: &mut Transaction<'_>) -> Result {
    let mut patients = tx.collection::<Document>("patients");
    patients.delete_many(doc! { "family": "Demo" }).await?;
    let patient = |(number, given, family): (&str, &str, &str)| {
        doc! {
            "number": number, "given": given, "family": family, "country": "NL", "born": 1990_i64,
        }
    };
    patients.insert_many(PATIENTS.map(patient)).await?;
    Ok(())
}
