//! Status and plan of a long history.

use crate::{
    Problem,
    bench::Bench,
    check,
    measure::{in_turns, once},
    section::{Goal, Row, Section, Unit, thousands},
    tool::Tool as _,
    workload::fresh,
};

const HOW: &str = "From the start of a process until it is gone, as a library: nothing is printed. \
    The floor reads Mongrate's own history, and looks at the version in each document. The plan is \
    for ten pending migrations. Checked: all that are applied were found, and the plan has ten \
    steps.";

/// Measures it.
///
/// # Errors
///
/// When a process did not find what is there.
pub async fn run(bench: &Bench) -> Result<Section, Problem> {
    let count = if bench.args.short { 1_000 } else { 10_000 };
    let title = "Status and plan of a long history";
    let mut section = bench.own_section("read", title, HOW, Unit::Milliseconds);
    let (name, app, floor) = ("read", bench.app(), bench.floor());
    let db = fresh(bench, name).await?;
    once(&bench.client, &mut app.job("baseline", &bench.uri, name, count)).await?;
    // Beside the records: lock and fence.
    let lanes = [("read", count + 2), ("status", count), ("plan", count)];
    let outcomes = in_turns(&lanes, bench.turns(20), async |(job, expected)| {
        let mut command = match *job {
            "read" => floor.job(job, &bench.uri, name, count),
            _ => app.job(job, &bench.uri, name, count),
        };
        let ran = once(&bench.client, &mut command).await?;
        let expected = format!("{job} {expected}");
        if ran.output.trim() == expected {
            Ok(ran)
        } else {
            Err(format!("it said `{}`, not `{expected}`", ran.output.trim()).into())
        }
    });
    let outcomes: Result<Vec<_>, Problem> = outcomes.await.into_iter().collect();
    let outcomes = outcomes?;
    check::history(&db, &app.history(), count.into()).await?;
    let read = outcomes.first();
    for ((job, _), samples) in lanes.iter().zip(&outcomes) {
        let who = match *job {
            "read" => "floor: read it",
            "status" => "mongrate: status",
            _ => "mongrate: plan",
        };
        let case = format!("{} applied", thousands(count));
        let mut row = Row::timed(section.unit, &case, who, samples, read);
        if *job != "read" {
            row.goals.push(Goal::ratio(row.ratio.unwrap_or(f64::NAN), 2.0, "reading it"));
        }
        section.rows.push(row);
    }
    db.drop().await?;
    Ok(section)
}
