//! Starts with nothing pending: the whole process, for histories of several lengths.

use crate::{
    bench::Bench,
    check,
    measure::{FinishedRun, in_turns, run_to_end},
    problem::Problem,
    section::{Goal, Row, Section, Unit, thousands},
    tool::{Job, Role, Tool, Verb},
    workload::{Lane, floor_samples, fresh_database, seed, successful},
};

const HOW: &str = "From the start of a process until it is gone, with everything applied. The \
    floor connects and reads its whole history, whose documents hold a version, a name and a \
    time. The floor at 0 has no history, and takes its turns in every case. Checked: nothing \
    ran, and the history is unchanged.";

/// The floor that reads an empty history in every case.
const FLOOR_AT_0: &str = "floor at 0";

/// Measures idle starts.
///
/// # Errors
///
/// If a process did not do its work.
pub async fn run(bench: &Bench) -> Result<Section, Problem> {
    let lengths: &[u32] = if bench.args.short { &[0, 100] } else { &[0, 100, 1_000, 10_000] };
    let mut section = bench.section("idle", "Start with nothing pending", HOW, Unit::Milliseconds);
    let floor_at_0 = bench.floor().named(FLOOR_AT_0);
    for &count in lengths {
        let mut lanes = Vec::new();
        let floor_at_0 = (count > 0).then_some((&floor_at_0 as &dyn Tool, 0));
        let all = bench.tools.iter().map(|tool| (tool.as_ref(), own_count(tool.as_ref(), count)));
        for (index, (tool, own)) in all.chain(floor_at_0).enumerate() {
            let database = format!("idle_{index}_{count}");
            let job = Job { verb: Verb::Idle, uri: bench.uri.clone(), database, count: own };
            fresh_database(bench, &job.database).await?;
            tool.lay_out(&job)?;
            seed(bench, tool, &job).await?;
            lanes.push(Lane { tool, job });
        }
        let turns = bench.turns(40);
        let outcomes = in_turns(&lanes, turns, async |lane| measured(bench, lane).await).await;
        let case = format!("{} applied", thousands(count));
        let all = successful(&mut section, &case, &lanes, outcomes)?;
        let floor = floor_samples(&all);
        let floor_at_0 = all.iter().find(|(tool, _)| tool.name() == FLOOR_AT_0);
        let floor_at_0 = floor_at_0.map(|(_, samples)| samples.clone()).or_else(|| floor.clone());
        for (tool, samples) in &all {
            let mut row = Row::timed(section.unit, &case, tool.name(), samples, floor.as_ref());
            if tool.role() == Role::Mongrate {
                row.goals.push(Goal::commands(samples.commands(), 1, ""));
                if let Some(floor) = &floor_at_0 {
                    let ratio = samples.median().as_secs_f64() / floor.median().as_secs_f64();
                    row.goals.push(Goal::ratio(ratio, 1.15, "the floor at 0"));
                    row.note = format!("{ratio:.2} × the floor at 0");
                }
                if count == 0 {
                    row.note += "; has 1 applied, as an empty list is refused";
                }
            }
            section.rows.push(row);
        }
        for lane in &lanes {
            bench.client.database(&lane.job.database).drop().await?;
        }
    }
    Ok(section)
}

/// The number of migrations for a tool. An app with Mongrate has at least one: an empty list is
/// refused.
fn own_count(tool: &dyn Tool, count: u32) -> u32 {
    if tool.role() == Role::Mongrate { count.max(1) } else { count }
}

async fn measured(bench: &Bench, lane: &Lane<'_>) -> Result<FinishedRun, Problem> {
    let Lane { tool, job } = lane;
    let name = tool.name();
    let mut command = tool.command(job).ok_or_else(|| format!("{name} cannot start"))?;
    let finished = run_to_end(&bench.client, &mut command).await?;
    let db = bench.client.database(&job.database);
    let checked = async {
        check::effects(&db, 0).await?;
        check::history(&db, &tool.history(), job.count.into()).await
    };
    checked.await.map_err(|error| format!("{name}, {} applied: {error}", job.count))?;
    let expected = match tool.role() {
        Role::Floor => format!("idle {}", job.count),
        Role::Mongrate => "start 0".to_owned(),
        Role::Peer => String::new(),
    };
    if finished.output.contains(&expected) {
        Ok(finished)
    } else {
        Err(format!("{name} printed `{}`, not `{expected}`", finished.output.trim()).into())
    }
}
