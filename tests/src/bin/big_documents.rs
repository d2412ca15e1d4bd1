//! Rewrites big documents, or many small ones, in every way there is, and prints how much memory it took at most.
//! Arguments: the server, the database, the way, and `up` or `down`.

use mongrate::{
    Migration, Migrator,
    bson::{Document, doc},
    mongodb::Client,
};

/// As many as a batch has at most that nobody chose.
const BATCH_OF_MANY: u32 = 20_000;

fn ways(way: &str) -> Option<Migration> {
    Some(match way {
        "update" => Migration::online_steps(1, "update", |on| {
            Box::pin(async move {
                let pipeline = vec![doc! { "$set": { "n": { "$add": ["$n", 1] } } }];
                on.backfill("walk", "things").update(pipeline).await.map(drop)
            })
        }),
        "update_each" => Migration::online_steps(1, "update_each", |on| {
            Box::pin(async move {
                let walk = on.backfill("walk", "things");
                walk.update_each(|_: Document| Ok(Some(doc! { "$inc": { "n": 1 } })))
                    .await
                    .map(drop)
            })
        }),
        "replace_each" => Migration::online_steps(1, "replace_each", |on| {
            Box::pin(async move {
                let walk = on.backfill("walk", "things").replace_each(|mut thing| {
                    let n = thing.get_i32("n")?;
                    thing.insert("n", n + 1);
                    Ok(Some(thing))
                });
                walk.await.map(drop)
            })
        }),
        "many_updated" => Migration::online_steps(1, "many_updated", |on| {
            Box::pin(async move {
                let walk = on.backfill("walk", "things").batch_size(BATCH_OF_MANY);
                walk.update_each(|_: Document| Ok(Some(doc! { "$inc": { "n": 1 } })))
                    .await
                    .map(drop)
            })
        }),
        "many_replaced" => Migration::online_steps(1, "many_replaced", |on| {
            Box::pin(async move {
                let walk = on.backfill("walk", "things").batch_size(BATCH_OF_MANY);
                let replaced = walk.replace_each(|mut thing| {
                    let n = thing.get_i32("n")?;
                    thing.insert("n", n + 1);
                    Ok(Some(thing))
                });
                replaced.await.map(drop)
            })
        }),
        "remove_field" => Migration::declared(1, "remove_field", |change| {
            change.remove_field("things", "text");
        }),
        "pipelines" => Migration::declared(1, "pipelines", |change| {
            let up = vec![doc! { "$set": { "n": { "$add": ["$n", 1] } } }];
            let down = vec![doc! { "$set": { "n": { "$subtract": ["$n", 1] } } }];
            change.update("things", up, down);
        }),
        // Nothing comes back by itself: both values of each are kept.
        "kept" => Migration::declared(1, "kept", |change| {
            let up = vec![doc! { "$set": { "text": { "$concat": ["$text", "y"] } } }];
            change.update("things", up, vec![]);
        }),
        _ => return None,
    })
}

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().unwrap_or_default();
    let (uri, database, way, verb) = (next(), next(), next(), next());
    let migration = ways(&way).unwrap_or_else(|| panic!("no such way: {way}"));
    let db = Client::with_uri_str(uri).await.unwrap().database(&database);
    let migrator = Migrator::with(&db, [migration]);
    let ended = match verb.as_str() {
        "down" => migrator.down().await,
        _ => migrator.up().await,
    };
    ended.unwrap_or_else(|error| panic!("{error}"));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    println!("{}", most.unwrap_or_default().trim().trim_end_matches(" kB"));
}
