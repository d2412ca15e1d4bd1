//! Apply trivial migrations: each in its own transaction, or all in one.

use crate::{
    Problem,
    bench::Bench,
    check,
    measure::{Ran, in_turns, once},
    section::{Goal, Row, Section, Unit, thousands},
    tool::{Job, Role, Verb},
    workload::{Lane, floor_of, fresh, settled},
};

const HOW: &str = "From the start of a process until it is gone. Each migration inserts one \
    document. The floor commits each with its record in a transaction, without a lock, and without \
    looking at what is applied. Checked: each document is there once, and the history holds all.";

const HOW_ATOMIC: &str = "The same with all migrations in one transaction (`up --atomic`). Other \
    tools have no such thing.";

/// Each in its own transaction.
///
/// # Errors
///
/// When a process did not do what it should have.
pub async fn run(bench: &Bench) -> Result<Section, Problem> {
    let counts: &[u32] = if bench.args.short { &[1, 20] } else { &[1, 100, 1_000] };
    let section = bench.section("apply", "Apply", HOW, Unit::Milliseconds);
    of_verb(bench, section, Verb::Apply, counts).await
}

/// All in one.
///
/// # Errors
///
/// When a process did not do what it should have.
pub async fn run_atomic(bench: &Bench) -> Result<Section, Problem> {
    let counts: &[u32] = if bench.args.short { &[20] } else { &[100, 1_000] };
    let title = "Apply all in one transaction";
    let section = bench.section("atomic", title, HOW_ATOMIC, Unit::Milliseconds);
    of_verb(bench, section, Verb::Atomic, counts).await
}

async fn of_verb(
    bench: &Bench,
    mut section: Section,
    verb: Verb,
    counts: &[u32],
) -> Result<Section, Problem> {
    for &count in counts {
        let mut lanes = Vec::new();
        for (index, tool) in bench.tools.iter().enumerate() {
            let database = format!("{}_{index}_{count}", section.id);
            let job = Job { verb, uri: bench.uri.clone(), database, count };
            if tool.command(&job).is_some() {
                tool.lay_out(&job)?;
                lanes.push(Lane { tool: tool.as_ref(), job });
            }
        }
        let turns = bench.turns(if count >= 1_000 { 7 } else { 20 });
        let outcomes = in_turns(&lanes, turns, async |lane| measured(bench, lane).await).await;
        let case = format!("{} migration{}", thousands(count), if count == 1 { "" } else { "s" });
        let all = settled(&mut section, &case, &lanes, outcomes)?;
        let floor = floor_of(&all);
        for (tool, samples) in &all {
            let mut row = Row::timed(section.unit, &case, tool.name(), samples, floor.as_ref());
            row.note = format!("{:.2} ms each", row.median / f64::from(count));
            if tool.role() == Role::Mongrate {
                row.goals = goals(verb, count, &row);
            }
            section.rows.push(row);
        }
    }
    Ok(section)
}

/// `N`, what the migrations send themselves, is one command each.
fn goals(verb: Verb, count: u32, row: &Row) -> Vec<Goal> {
    let (ratio, commands) = (row.ratio.unwrap_or(f64::NAN), row.commands.unwrap_or_default());
    let m = u64::from(count);
    match verb {
        Verb::Atomic => vec![Goal::ratio(ratio, 1.2, "the floor")],
        _ => {
            let exact = Goal::commands(commands, 5 + 2 * m + m, "5 + 2·m + N");
            let time = (count > 1).then(|| Goal::ratio(ratio, 1.15, "the floor"));
            [exact].into_iter().chain(time).collect()
        }
    }
}

async fn measured(bench: &Bench, lane: &Lane<'_>) -> Result<Ran, Problem> {
    let Lane { tool, job } = lane;
    let name = tool.name();
    let db = fresh(bench, &job.database).await?;
    let mut command = tool.command(job).ok_or_else(|| format!("{name} has no such verb"))?;
    let ran = once(&bench.client, &mut command).await?;
    let checked = async {
        check::effects(&db, job.count.into()).await?;
        check::history(&db, &tool.history(), job.count.into()).await
    };
    checked.await.map_err(|error| format!("{name}, {} to apply: {error}", job.count))?;
    db.drop().await?;
    Ok(ran)
}
