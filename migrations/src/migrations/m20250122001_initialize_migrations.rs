//! Inserts the clinic's settings, the first document that the app needs.

use mongrate::{
    Result, Transaction,
    bson::{Document, doc},
    migration,
};

#[migration(version = 20250122001, reversible = forget_settings)]
async fn initialize_migrations(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("settings")
        .insert_one(doc! { "_id": "clinic", "name": "Clinic at the Old Mill", "beds": 24 })
        .await?;
    Ok(())
}

async fn forget_settings(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("settings").delete_one(doc! { "_id": "clinic" }).await?;
    Ok(())
}
