//! The workloads, one per file.

pub mod apply;
pub mod idle;
pub mod rollback;

use mongodb::{
    Database,
    bson::{Document, doc},
};

use crate::{
    Problem,
    bench::Bench,
    list::THINGS,
    tool::{Job, Seed, Tool},
};

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
