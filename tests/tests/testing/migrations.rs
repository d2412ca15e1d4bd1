//! The history of an inn, for the tests of the kit.

use mongrate::{
    Change, Online, Result, Transaction,
    bson::{Document, doc},
    migration,
    mongodb::options::Collation,
};

#[migration(version = 1, reversible = close)]
async fn open(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("inn").insert_one(doc! { "_id": "inn", "beds": 4 }).await?;
    Ok(())
}

async fn close(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("inn").delete_one(doc! { "_id": "inn" }).await?;
    Ok(())
}

#[migration(version = 2, reversible)]
fn guests_by_name(change: &mut Change) {
    change.create_index("guests", doc! { "fullname": 1 });
    change.rename_field("guests", "debt", "owes");
}

#[migration(version = 3, reversible = join_names)]
async fn split_names(on: &mut Online<'_>) -> Result {
    on.create_index("guests", doc! { "given": 1 }).await?;
    on.backfill("given names", "guests")
        .update(vec![doc! { "$set": {
            "given": { "$arrayElemAt": [{ "$split": ["$fullname", " "] }, 0] },
        } }])
        .await?;
    on.transaction("note", async |tx| {
        tx.collection::<Document>("notes").insert_one(doc! { "text": "names are split" }).await?;
        Ok(())
    })
    .await
}

async fn join_names(on: &mut Online<'_>) -> Result {
    on.transaction("undo", async |tx| {
        tx.collection::<Document>("notes").delete_many(doc! {}).await?;
        tx.collection::<Document>("guests")
            .update_many(doc! {}, doc! { "$unset": { "given": "" } })
            .await?;
        Ok(())
    })
    .await?;
    on.drop_index("guests", "given_1").await
}

/// Keeps a collection, which the history names by its UUID.
#[migration(version = 4, reversible)]
fn no_more_notes(change: &mut Change) {
    change.drop_collection("notes");
    change.rename_collection("inn", "house");
}

#[migration(version = 5)]
async fn validate(on: &mut Online<'_>) -> Result {
    on.create_collection("rooms", doc! { "collation": { "locale": "de" } }).await?;
    let simple = Collation::builder().locale("simple").build();
    on.create_index("rooms", doc! { "view": "text" }).collation(simple.clone()).await?;
    on.create_index("rooms", doc! { "code": 1 }).collation(simple).await?;
    on.create_index("rooms", doc! { "name": 1 }).await?;
    on.coll_mod("rooms", doc! { "validator": { "number": { "$gt": 0 } } }).await
}

/// A history of its own.
#[migration(version = 1, group = "cellar")]
async fn stock(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("bottles").insert_one(doc! { "_id": 1 }).await?;
    Ok(())
}
