//! The workloads, one per file, and what they share.

pub mod apply;
pub mod backfill;
pub mod changes;
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
    bench::Bench,
    list::THINGS,
    measure::{Samples, run_to_end},
    problem::Problem,
    section::{Goal, Row, Section, thousands},
    tool::{Job, Role, Seed, Tool, Verb},
};

/// A tool and its job.
pub(crate) struct Lane<'a> {
    pub(crate) tool: &'a dyn Tool,
    pub(crate) job: Job,
}

/// The samples of the tools that succeeded. If a peer failed, its figure is missing, and the
/// section says so. If the floor or Mongrate failed, that is an error.
pub(crate) fn successful<'a>(
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

/// Returns the tools that have a verb, with the files of their jobs written, and the tools that do
/// not have it.
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

/// Adds a row for each tool: its time, and the time per migration.
pub(crate) fn rows_per_migration(
    section: &mut Section,
    count: u32,
    lanes: &[Lane<'_>],
    outcomes: Vec<Result<Samples, Problem>>,
    goals: impl Fn(&Row) -> Vec<Goal>,
) -> Result<(), Problem> {
    let case = format!("{} migration{}", thousands(count), if count == 1 { "" } else { "s" });
    let all = successful(section, &case, lanes, outcomes)?;
    let floor = floor_samples(&all);
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

/// The goal for the commands of `m` migrations. Each sends one command, so `N`, the number of their
/// own commands, is `m`.
pub(crate) fn command_goal(row: &Row, count: u32) -> Goal {
    let m = u64::from(count);
    Goal::commands(row.commands.unwrap_or_default(), 5 + 2 * m + m, "5 + 2·m + N")
}

/// The samples of the floor.
pub(crate) fn floor_samples(all: &[(&dyn Tool, Samples)]) -> Option<Samples> {
    let floor = all.iter().find(|(tool, _)| tool.role() == Role::Floor);
    floor.map(|(_, samples)| samples.clone())
}

/// An empty database with the collection of the effects, so that no tool spends time on creating
/// it.
pub(crate) async fn fresh_database(bench: &Bench, name: &str) -> Result<Database, Problem> {
    let db = bench.client.database(name);
    db.drop().await?;
    db.create_collection(THINGS).await?;
    Ok(db)
}

/// Gives a database a history as the tool writes it.
pub(crate) async fn seed(bench: &Bench, tool: &dyn Tool, job: &Job) -> Result<(), Problem> {
    match tool.seed(job) {
        Seed::Run(mut command) => drop(run_to_end(&bench.client, &mut command).await?),
        Seed::Documents(documents) if documents.is_empty() => {}
        Seed::Documents(documents) => {
            let db = bench.client.database(&job.database);
            let history = db.collection::<Document>(tool.history().collection);
            history.insert_many(documents).await?;
        }
    }
    // Written to disk now, so that no tool spends time on it.
    bench.client.database("admin").run_command(doc! { "fsync": 1 }).await?;
    Ok(())
}
