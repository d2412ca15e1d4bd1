//! Every visit gets the month that it falls in, by which the reports group. As a backfill it
//! would be the same for a hundred million of them: batch by batch, each exactly once.

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
