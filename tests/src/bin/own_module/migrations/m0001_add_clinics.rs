//! The first of the clinics.

use mongrate::{
    Result, Transaction,
    bson::{Document, doc},
    migration,
};

#[migration(version = 1, reversible = drop_clinics)]
async fn add_clinics(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("clinics").insert_one(doc! { "_id": "first" }).await?;
    Ok(())
}

async fn drop_clinics(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("clinics").delete_one(doc! { "_id": "first" }).await?;
    Ok(())
}
