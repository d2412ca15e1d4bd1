//! Reads status and plan of a long history.

use crate::{
    bench::Bench,
    check,
    measure::{in_turns, run_to_end},
    problem::Problem,
    section::{Goal, Row, Section, Unit, thousands},
    tool::Tool as _,
    workload::fresh_database,
};

const HOW: &str = "From the start of a process until it is gone, through the library: nothing is \
    printed. The floor reads Mongrate's own history, and the version in each document. The plan \
    is for ten pending migrations. Checked: all applied migrations were found, and the plan has \
    ten steps.";

/// Measures status and plan.
///
/// # Errors
///
/// If a process did not find what is there.
pub async fn run(bench: &Bench) -> Result<Section, Problem> {
    let count = if bench.args.short { 1_000 } else { 10_000 };
    let title = "Status and plan of a long history";
    let mut section = bench.own_section("read", title, HOW, Unit::Milliseconds);
    let (name, app, floor) = ("read", bench.app(), bench.floor());
    let db = fresh_database(bench, name).await?;
    run_to_end(&bench.client, &mut app.command_for("baseline", &bench.uri, name, count)).await?;
    // Lock and fence are documents of the history, too.
    let lanes = [("read", count + 2), ("status", count), ("plan", count)];
    let outcomes = in_turns(&lanes, bench.turns(20), async |(job, expected)| {
        let mut command = match *job {
            "read" => floor.command_for(job, &bench.uri, name, count),
            _ => app.command_for(job, &bench.uri, name, count),
        };
        let run = run_to_end(&bench.client, &mut command).await?;
        let expected = format!("{job} {expected}");
        if run.output.trim() == expected {
            Ok(run)
        } else {
            Err(format!("the process printed `{}`, not `{expected}`", run.output.trim()).into())
        }
    });
    let outcomes: Result<Vec<_>, Problem> = outcomes.await.into_iter().collect();
    let outcomes = outcomes?;
    check::history(&db, &app.history(), count.into()).await?;
    let read = outcomes.first();
    for ((job, _), samples) in lanes.iter().zip(&outcomes) {
        let tool = match *job {
            "read" => "floor: read it",
            "status" => "mongrate: status",
            _ => "mongrate: plan",
        };
        let case = format!("{} applied", thousands(count));
        let mut row = Row::timed(section.unit, &case, tool, samples, read);
        if *job != "read" {
            row.goals.push(Goal::ratio(row.ratio.unwrap_or(f64::NAN), 2.0, "reading it"));
        }
        section.rows.push(row);
    }
    db.drop().await?;
    Ok(section)
}
