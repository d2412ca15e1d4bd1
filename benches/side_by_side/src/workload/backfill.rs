//! Changes every document of a large collection, in the ways of `benches/backfill`.

use mongrate_bench_backfill::{Way, check, reset, seed};

use crate::{
    bench::Bench,
    measure::{Samples, Turns, in_turns, run_to_end},
    problem::Problem,
    section::{Row, Section, Unit, thousands},
};

const HOW: &str = "Each document gets a counter that is raised, and a text that is made from two \
    other fields. Four ways: a plain `updateMany` with a pipeline; a backfill with the same \
    pipeline; a loop of a cursor and bulk writes; a backfill with a function that does what the \
    loop does. Ratios are to `updateMany` and to the loop. Each way runs in a process of its \
    own, whose peak memory is in the table; the time is that of the work alone. Checked: each \
    document was changed exactly once.";

/// Measures the ways.
///
/// # Errors
///
/// If a document was not changed, or was changed twice.
pub async fn run(bench: &Bench) -> Result<Section, Problem> {
    let mut section = bench.own_section("backfill", "Backfill", HOW, Unit::Seconds);
    let mut counts = vec![if bench.args.short { 20_000 } else { 1_000_000 }];
    if bench.args.ten_million {
        counts.push(10_000_000);
    }
    let db = bench.client.database("backfill");
    for count in counts {
        db.drop().await?;
        seed(&db, i32::try_from(count)?).await?;
        // A large case needs no warm-up, and is not run often.
        let runs = if count > 1_000_000 { 1 } else { bench.args.runs_or(3).min(3) };
        let turns = Turns::all(runs);
        let mut peaks = vec![0; Way::ALL.len()];
        let ways: Vec<(usize, Way)> = Way::ALL.into_iter().enumerate().collect();
        let outcomes = in_turns(&ways, turns, async |(index, _)| {
            reset(&db).await?;
            let index = u32::try_from(*index)?;
            let mut command = bench.app().command_for("backfill", &bench.uri, db.name(), index);
            let mut run = run_to_end(&bench.client, &mut command).await?;
            check(&db, i32::try_from(count)?).await?;
            let peak = run.read_work()?;
            if let Some(most) = peaks.get_mut(usize::try_from(index)?) {
                *most = peak.max(*most);
            }
            Ok(run)
        });
        let outcomes: Result<Vec<Samples>, Problem> = outcomes.await.into_iter().collect();
        let outcomes = outcomes?;
        let case = format!("{} documents", thousands(count));
        for (((index, way), samples), peak) in ways.iter().zip(&outcomes).zip(&peaks) {
            let floor = Way::ALL.iter().position(|other| *other == way.floor());
            let floor = floor.and_then(|floor| outcomes.get(floor));
            let mut row = Row::timed(section.unit, &case, way.name(), samples, floor);
            row.memory_mb = Some(*peak);
            if *index == 0 {
                row.note = "the least that the server needs".to_owned();
            }
            section.rows.push(row);
        }
    }
    db.drop().await?;
    Ok(section)
}
