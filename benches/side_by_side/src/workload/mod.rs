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
    section::{Goal, Row, Section, thousands},
    tool::{Job, Role, Seed, Tool, Verb},
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

/// The tools that have a verb, each with its job laid out; those that have not.
pub(crate) fn lanes<'a>(
    bench: &'a Bench,
    prefix: &str,
    verb: Verb,
    count: u32,
) -> Result<(Vec<Lane<'a>>, Vec<&'a dyn Tool>), Problem> {
    let (mut lanes, mut without) = (Vec::new(), Vec::new());
    for (index, tool) in bench.tools.iter().enumerate() {
        let tool = tool.as_ref();
        let database = format!("{prefix}_{index}_{count}");
        let job = Job { verb, uri: bench.uri.clone(), database, count };
        if tool.command(&job).is_some() {
            tool.lay_out(&job)?;
            lanes.push(Lane { tool, job });
        } else {
            without.push(tool);
        }
    }
    Ok((lanes, without))
}

/// A row for each tool: its time, and what a migration's part of it is.
pub(crate) fn rows_per_migration(
    section: &mut Section,
    count: u32,
    lanes: &[Lane<'_>],
    outcomes: Vec<Result<Samples, Problem>>,
    goals: impl Fn(&Row) -> Vec<Goal>,
) -> Result<(), Problem> {
    let case = format!("{} migration{}", thousands(count), if count == 1 { "" } else { "s" });
    let all = settled(section, &case, lanes, outcomes)?;
    let floor = floor_of(&all);
    for (tool, samples) in &all {
        let mut row = Row::timed(section.unit, &case, tool.name(), samples, floor.as_ref());
        row.note = format!("{:.2} ms each", row.median / f64::from(count));
        if tool.role() == Role::Mongrate {
            row.goals = goals(&row);
        }
        section.rows.push(row);
    }
    Ok(())
}

/// What `m` migrations of one command each may send: `N`, what they send themselves, is `m`.
pub(crate) fn commands_of(row: &Row, count: u32) -> Goal {
    let m = u64::from(count);
    Goal::commands(row.commands.unwrap_or_default(), 5 + 2 * m + m, "5 + 2·m + N")
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
