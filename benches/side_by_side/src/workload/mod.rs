//! The workloads, one per file.

pub mod apply;
pub mod backfill;
pub mod footprint;
pub mod idle;
pub mod kill;
pub mod processes;
pub mod read;
pub mod rollback;

use mongodb::{
    Database,
    bson::{Document, doc},
};

use crate::{
    Problem,
    bench::Bench,
    list::THINGS,
    measure::Samples,
    section::Section,
    tool::{Job, Role, Seed, Tool},
};

/// A tool and what it is to do.
pub(crate) struct Lane<'a> {
    pub(crate) tool: &'a dyn Tool,
    pub(crate) job: Job,
}

/// What the tools came to. That another tool did not do its work is a figure that is missing,
/// and said; of the floor and of Mongrate it is an error.
pub(crate) fn settled<'a>(
    section: &mut Section,
    case: &str,
    lanes: &[Lane<'a>],
    outcomes: Vec<Result<Samples, Problem>>,
) -> Result<Vec<(&'a dyn Tool, Samples)>, Problem> {
    let mut all = Vec::new();
    for (lane, outcome) in lanes.iter().zip(outcomes) {
        match outcome {
            Ok(samples) => all.push((lane.tool, samples)),
            Err(problem) if lane.tool.role() == Role::Peer => {
                let problem: String = problem.to_string().chars().take(300).collect();
                let problem = problem.split_whitespace().collect::<Vec<_>>().join(" ");
                section.skipped.push(format!("{case}: {problem}"));
            }
            Err(problem) => return Err(problem),
        }
    }
    Ok(all)
}

/// The floor's.
pub(crate) fn floor_of(all: &[(&dyn Tool, Samples)]) -> Option<Samples> {
    let floor = all.iter().find(|(tool, _)| tool.role() == Role::Floor);
    floor.map(|(_, samples)| samples.clone())
}

/// An empty database, with the collection that the effects go to: its creation is nobody's time.
pub(crate) async fn fresh(bench: &Bench, name: &str) -> Result<Database, Problem> {
    let db = bench.client.database(name);
    db.drop().await?;
    db.create_collection(THINGS).await?;
    Ok(db)
}

/// Gives a database the history of a tool, as the tool has it.
pub(crate) async fn seed(bench: &Bench, tool: &dyn Tool, job: &Job) -> Result<(), Problem> {
    match tool.seed(job) {
        Seed::Run(mut command) => drop(crate::measure::once(&bench.client, &mut command).await?),
        Seed::Documents(documents) if documents.is_empty() => {}
        Seed::Documents(documents) => {
            let db = bench.client.database(&job.database);
            let history = db.collection::<Document>(tool.history().collection);
            history.insert_many(documents).await?;
        }
    }
    // What is left to write is nobody's time either.
    bench.client.database("admin").run_command(doc! { "fsync": 1 }).await?;
    Ok(())
}
