//! The ways to change and to restore the documents of a case, and a run of a way in one direction.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, Instant},
};

use mongodb::{
    Database,
    bson::{Document, doc},
};
use mongrate::{Direction, Migration, Migrator};

use super::{
    case::Case,
    data::KEPT,
    operation::{Statement, THINGS},
};
use crate::problem::Problem;

/// A way to do the operation of a case, and to undo it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// One plain `updateMany`, which remembers nothing.
    Plain,
    /// The floor: the least statements with an exact way back.
    Least,
    /// A declared migration.
    Declared {
        /// The number of workers.
        workers: u32,
    },
}

impl Way {
    /// All ways that are compared.
    pub const ALL: [Self; 4] =
        [Self::Plain, Self::Least, Self::Declared { workers: 1 }, Self::Declared { workers: 4 }];

    /// The name of the way in tables.
    pub fn name(self) -> String {
        match self {
            Self::Plain => "updateMany".to_owned(),
            Self::Least => "floor".to_owned(),
            Self::Declared { workers: 1 } => "declared, 1 worker".to_owned(),
            Self::Declared { workers } => format!("declared, {workers} workers"),
        }
    }
}

/// A way in one direction.
#[derive(Clone, Copy, Debug)]
pub struct Lane {
    /// The case.
    pub case: Case,
    /// The way.
    pub way: Way,
    /// The direction.
    pub direction: Direction,
}

/// `small/add_field/none:up:plain`, or the number of workers in place of `plain` and `floor`.
impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.case.name, self.direction.as_str())?;
        match self.way {
            Way::Plain => f.write_str("plain"),
            Way::Least => f.write_str("floor"),
            Way::Declared { workers } => write!(f, "{workers}"),
        }
    }
}

impl FromStr for Lane {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let unknown = || format!("no lane `{text}`");
        let mut parts = text.splitn(3, ':');
        let mut next = || parts.next().ok_or_else(unknown);
        let case = Case::named(next()?).ok_or_else(unknown)?;
        let direction = match next()? {
            "up" => Direction::Up,
            "down" => Direction::Down,
            _ => return Err(unknown().into()),
        };
        let way = match next()? {
            "plain" => Way::Plain,
            "floor" => Way::Least,
            workers => Way::Declared { workers: workers.parse()? },
        };
        Ok(Self { case, way, direction })
    }
}

/// Changes or restores all documents, and returns how long that took.
///
/// # Errors
///
/// The errors of the driver and of Mongrate.
pub async fn run(db: &Database, lane: Lane) -> Result<Duration, Problem> {
    let Lane { case: Case { operation, remembered, .. }, way, direction } = lane;
    let begun = Instant::now();
    let statements = match (way, direction) {
        (Way::Plain, Direction::Up) => vec![operation.plain_up()],
        (Way::Plain, Direction::Down) => vec![operation.plain_down()],
        (Way::Least, Direction::Up) => operation.least_up(remembered),
        (Way::Least, Direction::Down) => operation.least_down(remembered),
        (Way::Declared { workers }, _) => {
            let migration = Migration::declared(1, "change", operation.declared(workers));
            let migrator = Migrator::with(db, [migration]);
            match direction {
                Direction::Up => drop(migrator.up().await?),
                Direction::Down => drop(migrator.down().all().await?),
            }
            return Ok(begun.elapsed());
        }
    };
    for statement in statements {
        run_statement(db, statement).await?;
    }
    Ok(begun.elapsed())
}

async fn run_statement(db: &Database, statement: Statement) -> Result<(), Problem> {
    let majority = doc! { "w": "majority" };
    let aggregate = |collection: &str, stages: Vec<Document>| {
        doc! {
            "aggregate": collection, "pipeline": stages, "cursor": {},
            "writeConcern": majority.clone(),
        }
    };
    let command = match statement {
        Statement::Update(filter, change) => doc! {
            "update": THINGS, "updates": [{ "q": filter, "u": change, "multi": true }],
            "writeConcern": majority,
        },
        Statement::Keep(mut stages) => {
            stages.push(doc! { "$merge": { "into": KEPT } });
            aggregate(THINGS, stages)
        }
        Statement::Restore(stages) => {
            let merge = doc! {
                "into": THINGS, "whenMatched": stages, "whenNotMatched": "discard",
            };
            aggregate(KEPT, vec![doc! { "$merge": merge }])
        }
    };
    let reply = db.run_command(command).await?;
    if reply.contains_key("writeErrors") {
        return Err(format!("{reply}").into());
    }
    Ok(())
}
