//! Gives every visit its month, by which the reports group. The same backfill would do for a hundred
//! million visits: it works batch by batch, on each visit exactly once.

use mongrate::{Online, Result, bson::doc, migration};

#[migration(version = 20250122009, reversible = forget_months)]
async fn month_of_visits(on: &mut Online<'_>) -> Result {
    let month = doc! { "$dateToString": { "date": "$at", "format": "%Y-%m" } };
    on.backfill("months", "visits").update(vec![doc! { "$set": { "month": month } }]).await?;
    Ok(())
}

async fn forget_months(on: &mut Online<'_>) -> Result {
    on.backfill("no months", "visits").update(vec![doc! { "$unset": "month" }]).await?;
    Ok(())
}
