//! Rolls back what was applied.

use crate::{
    bench::Bench,
    check,
    measure::{FinishedRun, in_turns, run_to_end},
    problem::Problem,
    section::{Goal, Section, Unit},
    tool::{Job, Tool, Verb},
    workload::{Lane, command_goal, fresh_database, lanes, rows_per_migration},
};

const HOW: &str = "From the start of a process until it is gone. Before that, the tool itself \
    applied the migrations, which is not timed. Each rollback deletes one document. The floor \
    deletes each document and its record in a transaction. Checked: no document is left, and the \
    history has nothing applied.";

/// Measures rolling back.
///
/// # Errors
///
/// If a process did not do its work.
pub async fn run(bench: &Bench) -> Result<Section, Problem> {
    let count = if bench.args.short { 20 } else { 100 };
    let mut section = bench.section("rollback", "Roll back", HOW, Unit::Milliseconds);
    let (lanes, without) = lanes(bench, "rollback", Verb::Rollback, count)?;
    let cannot = |tool: &dyn Tool| format!("{}: cannot roll back many at once", tool.name());
    section.skipped.extend(without.into_iter().map(cannot));
    let outcomes = in_turns(&lanes, bench.turns(15), async |lane| measured(bench, lane).await);
    rows_per_migration(&mut section, count, &lanes, outcomes.await, |row| {
        let ratio = row.ratio.unwrap_or(f64::NAN);
        vec![command_goal(row, count), Goal::ratio(ratio, 1.15, "the floor")]
    })?;
    Ok(section)
}

async fn measured(bench: &Bench, lane: &Lane<'_>) -> Result<FinishedRun, Problem> {
    let name = lane.tool.name();
    let db = fresh_database(bench, &lane.job.database).await?;
    let count = u64::from(lane.job.count);
    let run = async |verb: Verb| {
        let job = Job { verb, ..lane.job.clone() };
        let mut command =
            lane.tool.command(&job).ok_or_else(|| format!("{name} cannot do that"))?;
        run_to_end(&bench.client, &mut command).await
    };
    run(Verb::Apply).await?;
    let checked = async |count: u64| {
        check::effects(&db, count).await?;
        check::history(&db, &lane.tool.history(), count).await
    };
    checked(count).await.map_err(|error| format!("{name}, before its rollback: {error}"))?;
    let finished = run(Verb::Rollback).await?;
    checked(0).await.map_err(|error| format!("{name}, rolled back: {error}"))?;
    db.drop().await?;
    Ok(finished)
}
