//! An index on the names.

use mongrate::{Online, Result, bson::doc, migration};

#[migration(version = 2)]
async fn index_clinics(on: &mut Online<'_>) -> Result {
    on.create_index("clinics", doc! { "name": 1 }).await?;
    Ok(())
}
