//! Roll back what was applied.

use crate::{
    Problem,
    bench::Bench,
    check,
    measure::{Ran, in_turns, once},
    section::{Goal, Row, Section, Unit, thousands},
    tool::{Job, Role, Tool, Verb},
    workload::fresh,
};

const HOW: &str = "From the start of a process until it is gone; before it, and not timed, the tool \
    itself applied them. Each rollback deletes one document. The floor deletes the document and \
    its record in a transaction each. Checked: no document is left, and the history has nothing \
    applied.";

struct Lane<'a> {
    tool: &'a dyn Tool,
    apply: Job,
    rollback: Job,
}

/// Measures it.
///
/// # Errors
///
/// When a process did not do what it should have.
pub async fn run(bench: &Bench) -> Result<Section, Problem> {
    let count = if bench.args.short { 20 } else { 100 };
    let mut section = bench.section("rollback", "Roll back", HOW, Unit::Milliseconds);
    let mut lanes = Vec::new();
    for (index, tool) in bench.tools.iter().enumerate() {
        let database = format!("rollback_{index}");
        let apply = Job { verb: Verb::Apply, uri: bench.uri.clone(), database, count };
        let rollback = Job { verb: Verb::Rollback, ..apply.clone() };
        if tool.command(&rollback).is_some() {
            tool.lay_out(&apply)?;
            lanes.push(Lane { tool: tool.as_ref(), apply, rollback });
        } else {
            section.skipped.push(format!("{}: cannot roll back many at once", tool.name()));
        }
    }
    let turns = bench.turns(15);
    let all = in_turns(&lanes, turns, async |lane| measured(bench, lane).await).await?;
    let case = format!("{} migrations", thousands(count));
    let floor = lanes.iter().zip(&all).find(|(lane, _)| lane.tool.role() == Role::Floor);
    let floor = floor.map(|(_, samples)| samples);
    for (lane, samples) in lanes.iter().zip(&all) {
        let mut row = Row::timed(section.unit, &case, lane.tool.name(), samples, floor);
        row.note = format!("{:.2} ms each", row.median / f64::from(count));
        if lane.tool.role() == Role::Mongrate {
            let m = u64::from(count);
            let ratio = row.ratio.unwrap_or(f64::NAN);
            row.goals = vec![
                Goal::commands(samples.commands(), 5 + 2 * m + m, "5 + 2·m + N"),
                Goal::ratio(ratio, 1.15, "the floor"),
            ];
        }
        section.rows.push(row);
    }
    Ok(section)
}

async fn measured(bench: &Bench, lane: &Lane<'_>) -> Result<Ran, Problem> {
    let name = lane.tool.name();
    let db = fresh(bench, &lane.apply.database).await?;
    let count = u64::from(lane.apply.count);
    let run = async |job: &Job| {
        let mut command = lane.tool.command(job).ok_or_else(|| format!("{name} cannot do that"))?;
        once(&bench.client, &mut command).await
    };
    run(&lane.apply).await?;
    let checked = async |count: u64| {
        check::effects(&db, count).await?;
        check::history(&db, &lane.tool.history(), count).await
    };
    checked(count).await.map_err(|error| format!("{name}, before its rollback: {error}"))?;
    let ran = run(&lane.rollback).await?;
    checked(0).await.map_err(|error| format!("{name}, rolled back: {error}"))?;
    db.drop().await?;
    Ok(ran)
}
