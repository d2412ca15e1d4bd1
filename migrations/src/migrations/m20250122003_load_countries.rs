//! Loads reference data: the countries of ISO 3166-1, a table of public facts.

use mongrate::{
    Result, Transaction,
    bson::{Document, doc},
    migration,
};

/// Lines of `alpha2,alpha3,numeric,name`; the name may hold commas.
const COUNTRIES: &str = include_str!("../../data/countries.csv");

#[migration(version = 20250122003, reversible = unload_countries)]
async fn load_countries(tx: &mut Transaction<'_>) -> Result {
    let countries = COUNTRIES.lines().skip(1).map(parse).collect::<Result<Vec<Document>>>()?;
    tx.collection::<Document>("countries").insert_many(countries).await?;
    Ok(())
}

async fn unload_countries(tx: &mut Transaction<'_>) -> Result {
    tx.collection::<Document>("countries").delete_many(doc! {}).await?;
    Ok(())
}

fn parse(line: &str) -> Result<Document> {
    let mut fields = line.splitn(4, ',');
    let mut next = || fields.next().ok_or_else(|| format!("a field is missing in `{line}`"));
    Ok(
        doc! { "_id": next()?, "alpha3": next()?, "numeric": next()?.parse::<i32>()?, "name": next()? },
    )
}
