//! The ways to change every document, and a run of a way.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use futures_util::TryStreamExt as _;
use mongodb::{
    Database,
    bson::{Document, doc},
};
use mongrate::{BoxError, Migration, Migrator, Online};

use super::data::THINGS;
use crate::problem::Problem;

/// A way to change every document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// What changes the documents.
    pub method: Method,
    /// The number of workers; 1 without Mongrate.
    pub workers: u32,
    /// Whether the process is killed when half of the documents are changed, and another process
    /// resumes its work.
    pub is_killed: bool,
}

/// What changes the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// One plain `updateMany` with a pipeline.
    UpdateMany,
    /// A backfill with the same pipeline.
    Update,
    /// A loop by hand: a cursor, and a bulk write for each 1,000 documents.
    ByHand,
    /// A backfill with a function that does the same as that loop.
    UpdateEach,
}

impl Method {
    const ALL: [Self; 4] = [Self::UpdateMany, Self::Update, Self::ByHand, Self::UpdateEach];

    const fn name(self) -> &'static str {
        match self {
            Self::UpdateMany => "updateMany",
            Self::Update => "update",
            Self::ByHand => "bulk writes by hand",
            Self::UpdateEach => "update_each",
        }
    }

    /// Whether this is a backfill of Mongrate.
    pub const fn is_backfill(self) -> bool {
        matches!(self, Self::Update | Self::UpdateEach)
    }
}

impl Way {
    /// All ways that are compared.
    pub const ALL: [Self; 8] = [
        Self::new(Method::UpdateMany, 1),
        Self::new(Method::Update, 1),
        Self::new(Method::Update, 4),
        Self::killed(Method::Update, 4),
        Self::new(Method::ByHand, 1),
        Self::new(Method::UpdateEach, 1),
        Self::new(Method::UpdateEach, 4),
        Self::killed(Method::UpdateEach, 4),
    ];

    const fn new(method: Method, workers: u32) -> Self {
        Self { method, workers, is_killed: false }
    }

    const fn killed(method: Method, workers: u32) -> Self {
        Self { method, workers, is_killed: true }
    }

    /// The method that this way is compared with.
    pub const fn floor(self) -> Method {
        match self.method {
            Method::UpdateMany | Method::Update => Method::UpdateMany,
            Method::ByHand | Method::UpdateEach => Method::ByHand,
        }
    }

    /// The name of the way in tables.
    pub fn name(self) -> String {
        let name = self.method.name();
        if !self.method.is_backfill() {
            return name.to_owned();
        }
        let plural = if self.workers == 1 { "" } else { "s" };
        let killed = if self.is_killed { ", killed half-way" } else { "" };
        format!("{name}, {} worker{plural}{killed}", self.workers)
    }
}

/// `update:4`: the method and the number of workers.
impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.method.name(), self.workers)
    }
}

impl FromStr for Way {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let unknown = || format!("no way `{text}`");
        let (name, workers) = text.split_once(':').ok_or_else(unknown)?;
        let method = Method::ALL.into_iter().find(|method| method.name() == name);
        Ok(Self::new(method.ok_or_else(unknown)?, workers.parse()?))
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
async fn by_hand(db: &Database) -> Result<(), Problem> {
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

async fn bulk(db: &Database, statements: Vec<Document>) -> Result<(), Problem> {
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

/// Changes every document, and returns how long that took.
///
/// # Errors
///
/// The errors of the driver and of Mongrate.
pub async fn run(db: &Database, way: Way) -> Result<Duration, Problem> {
    WORKERS.store(way.workers, Ordering::SeqCst);
    let begun = Instant::now();
    match way.method {
        Method::UpdateMany => {
            let command = doc! {
                "update": THINGS,
                "updates": [{ "q": {}, "u": pipeline(), "multi": true }],
                "writeConcern": { "w": "majority" },
            };
            db.run_command(command).await?;
        }
        Method::Update => {
            let migration = Migration::online_steps(1, "things", |on| Box::pin(on_server(on)));
            Migrator::with(db, [migration]).up().await?;
        }
        Method::ByHand => by_hand(db).await?,
        Method::UpdateEach => {
            let migration = Migration::online_steps(1, "things", |on| Box::pin(by_closure(on)));
            Migrator::with(db, [migration]).up().await?;
        }
    }
    Ok(begun.elapsed())
}
