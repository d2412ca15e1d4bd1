//! The jobs of an app with Mongrate: `bench-app JOB URI DATABASE COUNT`. COUNT is the number of
//! migrations that the app knows. Prints the job and the number of migrations that it applied,
//! rolled back or found.

use std::{env, time::Duration};

use mongodb::{Client, Database};
use mongrate::{BoxError, Migration, Migrator, StartPolicy};

use crate::{
    backfill::{self, half},
    changes,
    list::{HANGING, MORE, THREE, TWENTY, applied_already},
    work::print_work,
};

/// The migrations of an app.
#[derive(Clone, Copy, Debug)]
pub enum Known {
    /// The first of these, as many as the job says.
    Given(&'static [Migration]),
    /// Those with `#[migration]`, which are as many as the job says.
    Linked,
}

impl Known {
    /// The migrator of the first `count` migrations.
    fn first(self, db: &Database, count: i64) -> Result<Migrator, BoxError> {
        let there_are = |all: usize| format!("there are {all} migrations, not {count}");
        let count = usize::try_from(count)?;
        match self {
            Self::Given(all) => {
                let first = all.get(..count).ok_or_else(|| there_are(all.len()))?;
                Ok(Migrator::with_static(db, first))
            }
            // A start looks at the linked ones itself, so they are not counted here.
            Self::Linked => Ok(Migrator::new(db)),
        }
    }

    /// The migrator of the first `count` migrations, and of ten newer ones.
    fn first_and_more(self, db: &Database, count: i64) -> Result<Migrator, BoxError> {
        let first = self.first(db, count)?.migrations()?;
        Ok(Migrator::with(db, first.into_iter().chain(MORE)))
    }
}

/// Does the job of the arguments.
///
/// # Errors
///
/// If the arguments are wrong, or the job failed.
pub async fn run(all: Known) -> Result<(), BoxError> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [job, uri, database, count] = arguments.as_slice() else {
        return Err("bench-app JOB URI DATABASE COUNT".into());
    };
    // Jobs whose COUNT is a way, and which say themselves how long the work took.
    let db = Client::with_uri_str(uri).await?.database(database);
    let took = match job.as_str() {
        "backfill" => Some(backfill::way::run(&db, count.parse()?).await?),
        "half-backfill" => {
            let db = half::database(uri, database).await?;
            backfill::way::run(&db, count.parse()?).await?;
            return Err("it was not killed half-way".into());
        }
        "change" => Some(changes::way::run(&db, count.parse()?).await?),
        _ => None,
    };
    if let Some(took) = took {
        print_work(took);
        return Ok(());
    }
    let count: i64 = count.parse()?;
    let known = |list: &'static [Migration]| Migrator::with_static(&db, list);
    let first = |count: i64| all.first(&db, count);
    let done = match job.as_str() {
        "start" => {
            let migrator = first(count)?;
            let started = migrator.on_start().policy(StartPolicy::Migrate).await?;
            match started {
                mongrate::StartReport::Migrate(report) => report.done().count(),
                _ => return Err("the start did not migrate".into()),
            }
        }
        "up" => first(count)?.up().await?.done().count(),
        "atomic" => first(count)?.up().atomic(true).await?.done().count(),
        "down" => {
            applied_already(count);
            first(count)?.down().all().await?.done().count()
        }
        "baseline" => {
            if count > 0 {
                first(count)?.baseline(count).await?;
            }
            usize::try_from(count)?
        }
        "status" => first(count)?.status().await?.applied,
        "plan" => {
            let plan = all.first_and_more(&db, count)?.plan().await?;
            usize::try_from(count)? + 10 - plan.steps.len()
        }
        "twenty" => {
            known(&TWENTY).on_start().policy(StartPolicy::Migrate).await?;
            TWENTY.len()
        }
        // COUNT is the lease in seconds.
        "hang" | "resume" => {
            let lease = Duration::from_secs(u64::try_from(count)?);
            let list = if job == "hang" { &HANGING } else { &THREE };
            known(list).lease(lease).up().await?.done().count()
        }
        other => return Err(format!("no job `{other}`").into()),
    };
    println!("{job} {done}");
    Ok(())
}
