//! Migrations whose tests run on a MongoDB in a container, in place of the embedded server.
//!
//! `#[mongrate::test]` takes the server that `MONGODB_URI` names, and starts the embedded one only if the variable
//! is not set. So a container needs no code: start it before the tests, and set the variable. A container of
//! testcontainers gives host and port; the server has to be a replica set, because transactions need one, and the
//! URI needs `directConnection=true`, because the set knows its member by a name that only the container has:
//!
//! ```text
//! let container = Mongo::repl_set().start().await?;              // of testcontainers-modules
//! let (host, port) = (container.get_host().await?, container.get_host_port_ipv4(27017).await?);
//! let uri = format!("mongodb://{host}:{port}/?directConnection=true");
//! ```
//!
//! In CI, a service container and `MONGODB_URI=mongodb://localhost:27017/?directConnection=true cargo test` do the
//! same. `tests/containers.rs` has both ways: the testing kit, and a container that a test starts itself.

use mongrate::{
    Change, Result, Transaction,
    bson::{Document, doc},
    migration,
};

#[migration(version = 20250122001, reversible)]
fn users_by_email(change: &mut Change) {
    change.create_collection("users");
    change.create_index("users", doc! { "email": 1 }).unique(true);
}

#[migration(version = 20250122002, reversible = restore_plan)]
async fn default_plan(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("users")
        .update_many(doc! { "plan": null }, doc! { "$set": { "plan": "free" } })
        .await?;
    Ok(())
}

async fn restore_plan(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("users")
        .update_many(doc! { "plan": "free" }, doc! { "$unset": { "plan": "" } })
        .await?;
    Ok(())
}
