//! One database for each tenant, and the same migrations for all of them.
//!
//! Each database has a history and a lock of its own, in its own collection `migrations`. So tenants are
//! migrated independently: side by side, each exactly once, however many processes do this at the same time.
//! A tenant whose migration fails keeps its state and does not hold the others back; the next call tries this
//! tenant again and finds the others done, at one round trip each. A new tenant gets all migrations before it
//! is let in. All tenants share one client, whose pool bounds the connections.

use futures_util::{StreamExt as _, stream};
use mongrate::{
    Change, Error, Migrator, Result, RunReport, Transaction,
    bson::{Document, doc},
    migration,
    mongodb::{self, Client},
};

/// Tenants at a time: enough to hide the round trips, few enough for the connection pool and the server.
const AT_ONCE: usize = 8;

/// What the names of tenants' databases begin with.
pub const PREFIX: &str = "tenant_";

#[migration(version = 20250122001, reversible)]
fn orders_by_number(change: &mut Change) {
    change.create_collection("orders");
    change.create_index("orders", doc! { "number": 1 }).unique(true);
}

#[migration(version = 20250122002, reversible = forget)]
async fn settings(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("settings").insert_one(doc! { "_id": "shop", "open": true }).await?;
    Ok(())
}

async fn forget(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("settings").delete_one(doc! { "_id": "shop" }).await?;
    Ok(())
}

/// What became of one tenant.
#[derive(Debug)]
pub struct Migrated {
    /// The name of the tenant's database.
    pub tenant: String,
    /// The report of the run, or why it stopped.
    pub result: Result<RunReport, Error>,
}

/// The databases of the tenants. An app that keeps a list of its tenants asks that list instead.
///
/// # Errors
///
/// When the server cannot be reached, or the user may not list databases.
pub async fn tenants(client: &Client) -> mongodb::error::Result<Vec<String>> {
    let mut names = client.list_database_names().await?;
    names.retain(|name| name.starts_with(PREFIX));
    Ok(names)
}

/// Migrates the databases of all tenants, a few at a time. One that fails does not stop the others.
pub async fn migrate_all(client: &Client, tenants: Vec<String>) -> Vec<Migrated> {
    stream::iter(tenants)
        .map(async |tenant| {
            let result = migrate(client, &tenant).await;
            Migrated { tenant, result }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

/// Migrates one tenant; for a new tenant, this makes its database.
///
/// # Errors
///
/// As [`mongrate::Up`].
pub async fn migrate(client: &Client, tenant: &str) -> Result<RunReport, Error> {
    let app = concat!("shop ", env!("CARGO_PKG_VERSION"));
    Migrator::new(&client.database(tenant)).app(app).up().await
}
