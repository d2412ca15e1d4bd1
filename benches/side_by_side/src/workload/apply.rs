//! Applies trivial migrations: each in its own transaction, or all in one.

use crate::{
    bench::Bench,
    check,
    measure::{FinishedRun, in_turns, run_to_end},
    problem::Problem,
    section::{Goal, Row, Section, Unit},
    tool::Verb,
    workload::{Lane, command_goal, fresh_database, lanes, rows_per_migration},
};

const HOW: &str = "From the start of a process until it is gone. Each migration inserts one \
    document. The floor commits each document with its record in a transaction, without a lock, \
    and without reading what is applied. Checked: each document is there once, and the history \
    holds all migrations.";

const HOW_ATOMIC: &str = "The same with all migrations in one transaction (`up --atomic`), which \
    other tools do not offer.";

/// Measures `up` with a transaction for each migration.
///
/// # Errors
///
/// If a process did not do its work.
pub async fn run(bench: &Bench) -> Result<Section, Problem> {
    let counts: &[u32] = if bench.args.short { &[1, 20] } else { &[1, 100, 1_000] };
    let section = bench.section("apply", "Apply", HOW, Unit::Milliseconds);
    measure_verb(bench, section, Verb::Apply, counts).await
}

/// Measures `up` with one transaction for all migrations.
///
/// # Errors
///
/// If a process did not do its work.
pub async fn run_atomic(bench: &Bench) -> Result<Section, Problem> {
    let counts: &[u32] = if bench.args.short { &[20] } else { &[100, 1_000] };
    let title = "Apply all in one transaction";
    let section = bench.section("atomic", title, HOW_ATOMIC, Unit::Milliseconds);
    measure_verb(bench, section, Verb::Atomic, counts).await
}

async fn measure_verb(
    bench: &Bench,
    mut section: Section,
    verb: Verb,
    counts: &[u32],
) -> Result<Section, Problem> {
    for &count in counts {
        let (lanes, _) = lanes(bench, &section.id, verb, count)?;
        let turns = bench.turns(if count >= 1_000 { 7 } else { 20 });
        let outcomes = in_turns(&lanes, turns, async |lane| measured(bench, lane).await).await;
        let goals = |row: &Row| goals(verb, count, row);
        rows_per_migration(&mut section, count, &lanes, outcomes, goals)?;
    }
    Ok(section)
}

fn goals(verb: Verb, count: u32, row: &Row) -> Vec<Goal> {
    let ratio = row.ratio.unwrap_or(f64::NAN);
    match verb {
        Verb::Atomic => vec![Goal::ratio(ratio, 1.2, "the floor")],
        _ => {
            let time = (count > 1).then(|| Goal::ratio(ratio, 1.15, "the floor"));
            [command_goal(row, count)].into_iter().chain(time).collect()
        }
    }
}

async fn measured(bench: &Bench, lane: &Lane<'_>) -> Result<FinishedRun, Problem> {
    let Lane { tool, job } = lane;
    let name = tool.name();
    let db = fresh_database(bench, &job.database).await?;
    let mut command = tool.command(job).ok_or_else(|| format!("{name} has no such verb"))?;
    let finished = run_to_end(&bench.client, &mut command).await?;
    let checked = async {
        check::effects(&db, job.count.into()).await?;
        check::history(&db, &tool.history(), job.count.into()).await
    };
    checked.await.map_err(|error| format!("{name}, {} to apply: {error}", job.count))?;
    db.drop().await?;
    Ok(finished)
}
