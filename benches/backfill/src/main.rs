//! Backfills next to what one would write by hand, in one run on one server:
//! `cargo run --release -p mongrate-bench-backfill -- [documents] [rounds]`.
//!
//! Prints seconds and ratios of each round and of the medians. Each run checks that every
//! document was changed exactly once before its time counts.

use std::{
    env,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use futures_util::TryStreamExt as _;
use mongrate::{
    BoxError, Migration, Migrator, Online,
    bson::{Bson, Document, doc},
    embedded::Embedded,
    mongodb::{Client, Database},
};

const SEED: &str = "seed";
const THINGS: &str = "things";

/// Not idempotent, and computed from the document.
fn pipeline() -> Vec<Document> {
    vec![doc! { "$set": {
        "n": { "$add": [{ "$ifNull": ["$n", 0] }, 1] },
        "label": { "$concat": ["$name", "-", { "$toString": "$_id" }] },
    } }]
}

static WORKERS: AtomicU32 = AtomicU32::new(1);

async fn on_server(on: &mut Online<'_>) -> mongrate::Result {
    let workers = usize::try_from(WORKERS.load(Ordering::SeqCst))?;
    on.backfill("things", THINGS).workers(workers).update(pipeline()).await?;
    Ok(())
}

async fn by_closure(on: &mut Online<'_>) -> mongrate::Result {
    let workers = usize::try_from(WORKERS.load(Ordering::SeqCst))?;
    on.backfill("things", THINGS).workers(workers).update_each(change).await?;
    Ok(())
}

fn change(thing: Document) -> Result<Option<Document>, BoxError> {
    let label = format!("{}-{}", thing.get_str("name")?, thing.get_i32("_id")?);
    Ok(Some(doc! { "$inc": { "n": 1 }, "$set": { "label": label } }))
}

/// The loop that one would write: a cursor, and a bulk write for each 1,000 documents.
async fn by_hand(db: &Database) -> Result<(), BoxError> {
    let mut cursor = db.collection::<Document>(THINGS).find(doc! {}).batch_size(1_000).await?;
    let mut statements = Vec::new();
    while let Some(thing) = cursor.try_next().await? {
        let id = thing.get("_id").cloned();
        if let Some(update) = change(thing)? {
            statements.push(doc! { "q": { "_id": id }, "u": update });
        }
        if statements.len() == 1_000 {
            bulk(db, std::mem::take(&mut statements)).await?;
        }
    }
    if !statements.is_empty() {
        bulk(db, statements).await?;
    }
    Ok(())
}

async fn bulk(db: &Database, statements: Vec<Document>) -> Result<(), BoxError> {
    let command = doc! {
        "update": THINGS, "updates": statements, "ordered": false,
        "writeConcern": { "w": "majority" },
    };
    let reply = db.run_command(command).await?;
    if reply.contains_key("writeErrors") {
        return Err(format!("{reply}").into());
    }
    Ok(())
}

async fn seed(db: &Database, count: i32) -> Result<(), BoxError> {
    for first in (0..count).step_by(20_000) {
        let documents = (first..count.min(first + 20_000)).map(|id| {
            doc! { "_id": id, "name": format!("thing number {id}"), "kind": id % 17, "open": true }
        });
        db.collection::<Document>(SEED).insert_many(documents).await?;
    }
    Ok(())
}

async fn fresh(db: &Database) -> Result<(), BoxError> {
    db.collection::<Document>(THINGS).drop().await?;
    db.collection::<Document>("migrations").drop().await?;
    db.collection::<Document>(SEED).aggregate([doc! { "$out": THINGS }]).await?;
    // Nobody's time: what the copy left to write.
    db.client().database("admin").run_command(doc! { "fsync": 1 }).await?;
    Ok(())
}

async fn check(db: &Database, count: i32) -> Result<(), BoxError> {
    let groups = [doc! { "$group": { "_id": "$n", "count": { "$sum": 1 } } }];
    let groups: Vec<Document> =
        db.collection::<Document>(THINGS).aggregate(groups).await?.try_collect().await?;
    let once = groups.first().is_some_and(|group| {
        matches!(group.get("_id"), Some(Bson::Int32(1)))
            && group.get_i32("count").is_ok_and(|found| found == count)
    });
    if groups.len() == 1 && once {
        Ok(())
    } else {
        Err(format!("not each once: {groups:?}").into())
    }
}

/// Most memory that this process has had, in MB. (Linux.)
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.map_or_else(|| "unknown".to_owned(), |kilobytes| format!("{} MB", kilobytes / 1024))
}

const NAMES: [&str; 6] = [
    "updateMany",
    "backfill, 1 worker",
    "backfill, 4 workers",
    "bulk writes by hand",
    "closure, 1 worker",
    "closure, 4 workers",
];

async fn run(db: &Database, what: usize) -> Result<Duration, BoxError> {
    let workers = if what == 2 || what == 5 { 4 } else { 1 };
    WORKERS.store(workers, Ordering::SeqCst);
    let begun = Instant::now();
    match what {
        0 => {
            let command = doc! {
                "update": THINGS,
                "updates": [{ "q": {}, "u": pipeline(), "multi": true }],
                "writeConcern": { "w": "majority" },
            };
            db.run_command(command).await?;
        }
        1 | 2 => {
            let one = Migration::online_steps(1, "things", |on| Box::pin(on_server(on)));
            Migrator::with(db, [one]).up().await?;
        }
        3 => by_hand(db).await?,
        _ => {
            let one = Migration::online_steps(1, "things", |on| Box::pin(by_closure(on)));
            Migrator::with(db, [one]).up().await?;
        }
    }
    Ok(begun.elapsed())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut arguments = env::args().skip(1);
    let count: i32 = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let server = Embedded::start().await?;
    let db = Client::with_uri_str(server.uri()).await?.database("bench_backfill");
    db.drop().await?;
    seed(&db, count).await?;
    println!("{count} documents, {rounds} rounds; seconds, and ratio to what it is compared with");
    let mut all = vec![Vec::new(); NAMES.len()];
    for round in 1..=rounds {
        for (what, name) in NAMES.iter().enumerate() {
            fresh(&db).await?;
            let took = run(&db, what).await?;
            check(&db, count).await?;
            println!("round {round}: {name:22} {:8.2} s   peak {}", took.as_secs_f64(), memory());
            if let Some(times) = all.get_mut(what) {
                times.push(took);
            }
        }
    }
    let medians: Vec<f64> = all
        .iter_mut()
        .map(|times| {
            times.sort();
            times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64()
        })
        .collect();
    println!("\nmedians");
    for (what, name) in NAMES.iter().enumerate() {
        let of = |at: usize| medians.get(at).copied().unwrap_or_default();
        let floor = of(if what < 3 { 0 } else { 3 });
        println!("{name:22} {:8.2} s  × {:.2}", of(what), of(what) / floor);
    }
    db.drop().await?;
    Ok(())
}
