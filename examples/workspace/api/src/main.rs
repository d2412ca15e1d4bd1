//! The service that owns the database: it applies what is pending when it starts.
//!
//! Any number of instances may start at once. One of them migrates, the others wait until nothing is pending.
//! The other service, `worker`, links the same crate of migrations, and only checks: see there.
//!
//! ```sh
//! MONGODB_URI=mongodb://localhost cargo run -p mongrate-example-workspace-api
//! ```

use std::env;

use mongrate::{Migrator, Result, StartPolicy, mongodb::Client};
use shop_migrations as _;

#[tokio::main]
async fn main() -> Result {
    let uri = env::var("MONGODB_URI").unwrap_or_else(|_| "mongodb://localhost".to_owned());
    let database = env::var("MONGODB_DATABASE").unwrap_or_else(|_| "shop".to_owned());
    let db = Client::with_uri_str(uri).await?.database(&database);

    // `MIGRATE_ON_START` may still say otherwise.
    let migrator = Migrator::new(&db).app(concat!("shop-api ", env!("CARGO_PKG_VERSION")));
    migrator.on_start().default_policy(StartPolicy::Migrate).await?;

    // … serve
    Ok(())
}
