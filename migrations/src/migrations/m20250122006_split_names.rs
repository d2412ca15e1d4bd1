//! Splits `name` into `given` and `family`, in one transaction. The old field stays, so that the
//! running version of the app still finds it; a later migration removes it.

use mongrate::{
    Result, Transaction,
    bson::{Document, doc},
    migration,
};

#[migration(version = 20250122006, reversible = join_names)]
async fn split_names(tx: &mut Transaction<'_>) -> Result {
    let parts = doc! { "$split": ["$name", " "] };
    tx.collection::<Document>("patients")
        .update_many(
            doc! { "given": { "$exists": false } },
            vec![doc! { "$set": {
                "given": { "$arrayElemAt": [&parts, 0] },
                "family": { "$arrayElemAt": [&parts, 1] },
            } }],
        )
        .await?;
    Ok(())
}

async fn join_names(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("patients")
        .update_many(doc! {}, doc! { "$unset": { "given": "", "family": "" } })
        .await?;
    Ok(())
}
