//! The migrations of the shop, in a crate of their own, because two services use its database.
//!
//! A service names this crate once: `use shop_migrations as _;`. Without that line the linker drops the crate,
//! and the service refuses to start, because it has no migrations. `cargo mongrate check` finds a service that
//! forgot it. The crate needs neither `tokio` nor a feature of `mongrate`: it only declares.

use mongrate::{
    Change, Result, Transaction,
    bson::{Document, doc},
    migration,
};

#[migration(version = 20250122001, reversible)]
fn orders_by_customer(change: &mut Change) {
    change.create_collection("orders");
    change.create_index("orders", doc! { "customer": 1 });
}

#[migration(version = 20250122002, reversible = close)]
async fn open(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("settings").insert_one(doc! { "_id": "shop", "open": true }).await?;
    Ok(())
}

async fn close(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("settings").delete_one(doc! { "_id": "shop" }).await?;
    Ok(())
}
