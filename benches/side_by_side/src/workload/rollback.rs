//! Roll back what was applied.

use crate::{
    Problem,
    bench::Bench,
    check,
    measure::{Ran, in_turns, once},
    section::{Goal, Row, Section, Unit, thousands},
    tool::{Job, Role, Verb},
    workload::{Lane, floor_of, fresh, settled},
};

const HOW: &str = "From the start of a process until it is gone; before it, and not timed, the tool \
    itself applied them. Each rollback deletes one document. The floor deletes the document and \
    its record in a transaction each. Checked: no document is left, and the history has nothing \
    applied.";

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
        let job = Job { verb: Verb::Rollback, uri: bench.uri.clone(), database, count };
        if tool.command(&job).is_some() {
            tool.lay_out(&job)?;
            lanes.push(Lane { tool: tool.as_ref(), job });
        } else {
            section.skipped.push(format!("{}: cannot roll back many at once", tool.name()));
        }
    }
    let turns = bench.turns(15);
    let outcomes = in_turns(&lanes, turns, async |lane| measured(bench, lane).await).await;
    let case = format!("{} migrations", thousands(count));
    let all = settled(&mut section, &case, &lanes, outcomes)?;
    let floor = floor_of(&all);
    for (tool, samples) in &all {
        let mut row = Row::timed(section.unit, &case, tool.name(), samples, floor.as_ref());
        row.note = format!("{:.2} ms each", row.median / f64::from(count));
        if tool.role() == Role::Mongrate {
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
    let db = fresh(bench, &lane.job.database).await?;
    let count = u64::from(lane.job.count);
    let run = async |verb: Verb| {
        let job = Job { verb, ..lane.job.clone() };
        let mut command =
            lane.tool.command(&job).ok_or_else(|| format!("{name} cannot do that"))?;
        once(&bench.client, &mut command).await
    };
    run(Verb::Apply).await?;
    let checked = async |count: u64| {
        check::effects(&db, count).await?;
        check::history(&db, &lane.tool.history(), count).await
    };
    checked(count).await.map_err(|error| format!("{name}, before its rollback: {error}"))?;
    let ran = run(Verb::Rollback).await?;
    checked(0).await.map_err(|error| format!("{name}, rolled back: {error}"))?;
    db.drop().await?;
    Ok(ran)
}
