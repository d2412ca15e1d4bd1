//! Corpus: migrations that change documents.

/// Gives everybody a plan.
#[migration(version = 1)]
async fn default_plan(tx: &mut Transaction<'_>) -> Result {
    // Only those who have none.
    tx.collection::<Document>("users")
        .update_many(doc! { "plan": null }, doc! { "$set": { "plan": "free" } })
        .await?;
    Ok(())
}

#[migration(version = 2, reversible = unused)]
pub(crate) async fn rename_field(tx: &mut Transaction<'_>) -> mongrate::Result {
    let users = tx.collection::<Document>("users");
    users.update_many(doc! {}, doc! { "$rename": { "fullname": "name", "mail": "email", }, }).await?;
    Ok(())
}

#[migration(version = 3)]
async fn insert_reference_data(tx: &mut Transaction<'_>) -> Result {
    let countries = vec![
        doc! { "_id": "AT", "name": "Austria", "population": 9_104_772_i64 },
        doc! { "_id": "NZ", "name": "Aotearoa New Zealand", "population": 5_199_100_i64 },
        doc! { "_id": "UY", "name": "Uruguay", "population": 3_423_108_i64 },
    ];
    tx.collection("countries").insert_many(countries).ordered(true).bypass_document_validation(false).await?;
    Ok(())
}

#[migration(version = 4)]
async fn split_names(tx: &mut Transaction<'_>) -> Result {
    let people = tx.collection::<Document>("people");
    let mut cursor = people.find(doc! { "first": { "$exists": false } }).batch_size(500).await?;
    while cursor.advance(tx.session()).await? {
        let person: Person = cursor.deserialize_current()?;
        let (first, last) = person.name.split_once(' ').unwrap_or((person.name.as_str(), ""));
        people
            .update_one(doc! { "_id": person.id }, doc! { "$set": { "first": first, "last": last }, "$unset": { "name": "" } })
            .await?;
    }
    Ok(())
}

#[migration(version = 5)]
async fn merge_duplicates(tx: &mut Transaction<'_>) -> Result {
    let pipeline = [
        doc! { "$group": { "_id": { "$toLower": "$email" }, "ids": { "$push": "$_id" }, "n": { "$sum": 1 } } },
        doc! { "$match": { "n": { "$gt": 1 } } },
    ];
    let mut groups = tx.collection::<Document>("users").aggregate(pipeline).await?;
    let mut removed = 0_u64;
    while let Some(group) = groups.next(tx.session()).await.transpose()? {
        let ids = group.get_array("ids")?;
        let (keep, extra) = ids.split_first().ok_or("an empty group")?;
        removed += tx.collection::<Document>("users").delete_many(doc! { "_id": { "$in": extra.to_vec() } }).await?.deleted_count;
        tracing::debug!(%keep, removed, "merged");
    }
    if removed > 10_000 { return Err(format!("would remove {removed} users").into()); }
    Ok(())
}

#[migration(version = 6)]
async fn prices_in_cents(tx: &mut Transaction<'_>) -> Result {
    let rate = (1.0 + 0.2) * 100.0 - -1.5 / 3.0e-2;
    let factor = ((1 + 2) * 3 - (4 - 5)) << 2 | 0x0f & !0b1010_u32 as i32;
    let odd = -(1_i32.pow(2)) + (-1_i32).pow(2);
    tx.collection::<Document>("prices")
        .update_many(doc! { "currency": "EUR" }, vec![doc! { "$set": { "cents": { "$multiply": ["$price", rate, factor, odd] } } }])
        .await?;
    Ok(())
}

#[migration(version = 7)]
async fn long_strings(tx: &mut Transaction<'_>) -> Result {
    let text = "a line that goes on and on \
                and on";
    let raw = r#"{ "raw": "\n" }"#;
    let bytes = b"\x00\xff bytes";
    let c = c"a C string";
    let several = "first
second
    third";
    let chars = ['a', '\'', '\u{1F980}', '\n'];
    tx.collection("texts").insert_one(doc! { "text": text, "raw": raw, "several": several, "bytes": bytes.to_vec(), "c": c.to_bytes().to_vec(), "chars": chars.iter().collect::<String>(), "byte": i32::from(b'x') }).await?;
    Ok(())
}

#[migration(version = 8)]
async fn counters(tx: &mut Transaction<'_>) -> Result {
    let mut total = 0;
    'outer: for (index, shard) in (0..=9).step_by(3).enumerate() {
        for retry in 0.. {
            if retry == 3 { continue 'outer; }
            if retry > shard && index != 2 || total >= 1 << 10 { break 'outer }
            total += retry * 2 - 1;
            total ^= shard;
        }
    }
    let label = loop { break "done"; };
    tx.collection("counters").insert_one(doc! { "total": total, "label": label }).await?;
    return Ok(());
}

#[migration(version = 9)]
async fn nested_documents(tx: &mut Transaction<'_>) -> Result {
    let address = Address { street: "Main St".to_owned(), number: 5, zip: None, ..Address::default() };
    let street = address.street.clone();
    let point = Point { x: 1.0, y: 2.0, };
    let unit = Unit {};
    let nested = Outer { inner: Inner { list: [1, 2, 3,], pair: (1, "two"), single: (1,), unit: () }, street: street };
    tx.collection("shapes").insert_many([bson::to_document(&address)?, bson::to_document(&point)?, bson::to_document(&unit)?, bson::to_document(&nested)?]).await?;
    Ok(())
}

#[migration(version = 10)]
async fn nothing(_: &mut Transaction<'_>) -> Result {
    Ok(())
}

#[migration(version = 11)]
async fn upserts(tx: &mut Transaction<'_>) -> Result {
    for (key, value) in [("theme", "dark"), ("language", "en"), ("time_zone", "UTC")] {
        tx.collection::<Document>("settings").update_one(doc! { "_id": key }, doc! { "$setOnInsert": { "value": value } }).upsert(true).await?;
    }
    let count = tx.collection::<Document>("settings").count_documents(doc! {}).await?;
    assert!(count >= 3, "only {count} settings");
    Ok(())
}

#[migration(version = 12)]
async fn early_return(tx: &mut Transaction<'_>) -> Result {
    let Some(config) = tx.collection::<Document>("config").find_one(doc! { "_id": "main" }).await? else { return Ok(()) };
    let Ok(version) = config.get_i32("version") else {
        tracing::warn!("no version");
        return Err("config without a version".into());
    };
    if version < 2 {
        tx.collection::<Document>("config").update_one(doc! { "_id": "main" }, doc! { "$set": { "version": version + 1 } }).await?;
    } else if version == 2 {
        tracing::info!("already");
    } else {
        return Err(From::from(format!("version {version} is from the future")))
    }
    Ok(())
}

#[migration(version = 13)]
async fn dates(tx: &mut Transaction<'_>) -> Result {
    let day = chrono::Utc::now().date_naive().and_hms_opt(0, 0, 0).map(|at| at.and_utc());
    let cutoff = match day { Some(day) => { bson::DateTime::from_chrono(day) } None => return Err("no such time".into()), };
    let old = doc! { "createdAt": { "$lt": cutoff } };
    let deleted = tx.collection::<Document>("sessions").delete_many(old).await?;
    tracing::info!(deleted = deleted.deleted_count, cutoff = %cutoff, "expired");
    Ok(())
}
