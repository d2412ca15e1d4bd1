//! Corpus: online migrations.

#[migration(version = 301)]
async fn index(on: &mut Online<'_>) -> Result {
    on.create_index("users", doc! { "email": 1 }).unique(true).name("email_unique").await?;
    Ok(())
}

#[migration(version = 302)]
async fn compound_index(on: &mut Online<'_>) -> Result {
    on.create_index("visits", doc! { "patient": 1, "at": -1, "ward.name": "text" }).partial_filter(doc! { "at": { "$exists": true } }).expire_after(Duration::from_secs(60 * 60 * 24 * 30)).await?;
    on.drop_index("visits", "at_1").await
}

#[migration(version = 303)]
async fn backfill(on: &mut Online<'_>) -> Result {
    on.backfill("initials", "users").filter(doc! { "initials": { "$exists": false } }).batch(1_000).update(vec![doc! { "$set": { "initials": { "$concat": [{ "$substrCP": ["$first", 0, 1] }, { "$substrCP": ["$last", 0, 1] }] } } }]).await?;
    Ok(())
}

#[migration(version = 304)]
async fn validator(on: &mut Online<'_>) -> Result {
    let schema = doc! { "$jsonSchema": { "bsonType": "object", "required": ["name", "born"], "properties": { "name": { "bsonType": "string", "minLength": 1 }, "born": { "bsonType": "date" } } } };
    on.coll_mod("patients").validator(schema).validation_level("moderate").await?;
    Ok(())
}

#[migration(version = 305)]
async fn named_steps(on: &mut Online<'_>) -> Result {
    on.create_collection("audit").capped(64 << 20).await?;
    on.transaction("first entry", async |tx| { tx.collection("audit").insert_one(doc! { "what": "created" }).await?; Ok(()) }).await?;
    on.transaction("second entry", async |tx| tx.collection("audit").insert_one(doc! { "what": "checked" }).await.map(drop)).await?;
    Ok(())
}

#[migration(version = 306)]
async fn rename_and_drop(on: &mut Online<'_>) -> Result {
    on.rename_collection("old_users", "users").await?;
    on.drop_collection("scratch").await?;
    Ok(())
}

#[migration(version = 307)]
async fn per_shard(on: &mut Online<'_>) -> Result {
    let shards: Vec<String> = on.list_shards().await?;
    for shard in &shards { on.create_collection(&format!("events_{shard}")).await?; }
    let failures: Vec<_> = futures::stream::iter(shards.iter()).filter_map(|shard| async move { if shard.starts_with("s") { None } else { Some(shard) } }).collect().await;
    if !failures.is_empty() { Err(format!("odd shards: {failures:?}"))? }
    Ok(())
}

#[migration(version = 308)]
async fn progress(on: &mut Online<'_>) -> Result {
    let total = on.estimated_count("logs").await?;
    let (mut done, started) = (0u64, Instant::now());
    while done < total { done += on.step().await?.max(1); on.progress(done as f64 / total as f64 * 100.0); if started.elapsed() > Duration::from_mins(10) { tracing::warn!(done, total, "slow"); } }
    Ok(())
}

#[migration(version = 309)]
async fn shared_helper(on: &mut Online<'_>) -> Result {
    crate::migrations::helpers::rebuild(on, "users", &["email", "name"]).await
}

#[migration(version = 310)]
async fn conditional(on: &mut Online<'_>) -> Result {
    match on.server_version().await? {
        (major, minor) if (major, minor) >= (7, 0) => on.create_index("a", doc! { "x": 1 }).await?,
        (6, _) | (5, 1..) => { on.create_index("a", doc! { "x": -1 }).await? }
        (major, _) => { return Err(format!("server {major} is too old").into()) }
    }
    Ok(())
}

#[migration(version = 311)]
async fn deep_nesting(on: &mut Online<'_>) -> Result {
    if on.a() { if on.b() { if on.c() { for x in on.d() { match x { Some(y) => { if y { on.e(|z| { z.f(move || { g(|| h(i(j(k([l, { m }])))) ) }) }).await? } } None => {} } } } } }
    Ok(())
}

#[migration(version = 312)]
async fn generic_calls(on: &mut Online<'_>) -> Result {
    let parsed = "1".parse::<u8>()?;
    let collected = on.names().await?.collect::<Result<Vec<_>, _>>()?;
    let summed = [1u8, 2].iter().map(|&n| u32::from(n)).sum::<u32>() as usize * size_of::<u64>();
    let picked = on.pick::<{ 1 + 1 }, _, 3>(parsed, &collected[..], summed);
    on.finish(picked).await
}
