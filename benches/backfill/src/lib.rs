//! Backfills next to code written by hand: the ways, the documents that each run starts with, and
//! the check of its result. For the program of this package, and for `benches/side_by_side`.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use futures_util::TryStreamExt as _;
use mongrate::{
    BoxError, Migration, Migrator, Online,
    bson::{Bson, Document, doc},
    mongodb::Database,
};

const SEED: &str = "seed";
const THINGS: &str = "things";

/// A way to change every document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// One plain `updateMany` with a pipeline.
    UpdateMany,
    /// A backfill with the same pipeline.
    Pipeline {
        /// The number of workers.
        workers: u32,
    },
    /// A loop by hand: a cursor, and a bulk write for each 1,000 documents.
    ByHand,
    /// A backfill with a function that does the same as that loop.
    Closure {
        /// The number of workers.
        workers: u32,
    },
}

impl Way {
    /// All ways that are compared.
    pub const ALL: [Self; 6] = [
        Self::UpdateMany,
        Self::Pipeline { workers: 1 },
        Self::Pipeline { workers: 4 },
        Self::ByHand,
        Self::Closure { workers: 1 },
        Self::Closure { workers: 4 },
    ];

    /// The way that this way is compared with.
    pub const fn floor(self) -> Self {
        match self {
            Self::UpdateMany | Self::Pipeline { .. } => Self::UpdateMany,
            Self::ByHand | Self::Closure { .. } => Self::ByHand,
        }
    }

    /// The name of the way in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UpdateMany => "updateMany",
            Self::Pipeline { workers: 1 } => "backfill, 1 worker",
            Self::Pipeline { .. } => "backfill, 4 workers",
            Self::ByHand => "bulk writes by hand",
            Self::Closure { workers: 1 } => "closure, 1 worker",
            Self::Closure { .. } => "closure, 4 workers",
        }
    }
}

/// An update that is not idempotent, and is computed from the document.
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

/// The loop by hand: a cursor, and a bulk write for each 1,000 documents.
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

/// Makes the documents that every run starts with.
///
/// # Errors
///
/// The driver's errors.
pub async fn seed(db: &Database, count: i32) -> Result<(), BoxError> {
    for first in (0..count).step_by(20_000) {
        let documents = (first..count.min(first + 20_000)).map(|id| {
            doc! { "_id": id, "name": format!("thing number {id}"), "kind": id % 17, "open": true }
        });
        db.collection::<Document>(SEED).insert_many(documents).await?;
    }
    Ok(())
}

/// Copies those documents into the collection that the ways change, and drops the history.
///
/// # Errors
///
/// The driver's errors.
pub async fn reset(db: &Database) -> Result<(), BoxError> {
    db.collection::<Document>(THINGS).drop().await?;
    db.collection::<Document>("migrations").drop().await?;
    db.collection::<Document>(SEED).aggregate([doc! { "$out": THINGS }]).await?;
    // Written to disk now, so that no way spends time on what the copy left to write.
    db.client().database("admin").run_command(doc! { "fsync": 1 }).await?;
    Ok(())
}

/// Checks that every document was changed exactly once.
///
/// # Errors
///
/// If a document was not changed, or was changed several times.
pub async fn check(db: &Database, count: i32) -> Result<(), BoxError> {
    let groups = [doc! { "$group": { "_id": "$n", "count": { "$sum": 1 } } }];
    let groups: Vec<Document> =
        db.collection::<Document>(THINGS).aggregate(groups).await?.try_collect().await?;
    let is_once = groups.first().is_some_and(|group| {
        matches!(group.get("_id"), Some(Bson::Int32(1)))
            && group.get_i32("count").is_ok_and(|found| found == count)
    });
    if groups.len() == 1 && is_once {
        Ok(())
    } else {
        Err(format!("not every document was changed once: {groups:?}").into())
    }
}

/// The peak memory of this process, in MB; `None` if the system does not say.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes / 1024)
}

/// Changes every document, and returns how long that took.
///
/// # Errors
///
/// The errors of the driver and of Mongrate.
pub async fn run(db: &Database, way: Way) -> Result<Duration, BoxError> {
    if let Way::Pipeline { workers } | Way::Closure { workers } = way {
        WORKERS.store(workers, Ordering::SeqCst);
    }
    let begun = Instant::now();
    match way {
        Way::UpdateMany => {
            let command = doc! {
                "update": THINGS,
                "updates": [{ "q": {}, "u": pipeline(), "multi": true }],
                "writeConcern": { "w": "majority" },
            };
            db.run_command(command).await?;
        }
        Way::Pipeline { .. } => {
            let migration = Migration::online_steps(1, "things", |on| Box::pin(on_server(on)));
            Migrator::with(db, [migration]).up().await?;
        }
        Way::ByHand => by_hand(db).await?,
        Way::Closure { .. } => {
            let migration = Migration::online_steps(1, "things", |on| Box::pin(by_closure(on)));
            Migrator::with(db, [migration]).up().await?;
        }
    }
    Ok(begun.elapsed())
}
