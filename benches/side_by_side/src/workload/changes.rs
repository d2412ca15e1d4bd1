//! Declared document operations next to plain updates, and next to the least that the server needs
//! for an exact way back; in both directions.

use mongodb::Database;
use mongrate::Direction;

use crate::{
    bench::Bench,
    changes::{
        case::{Case, Sizes},
        data::{self, States},
        way::{Lane, Way},
    },
    measure::{FinishedRun, Samples, Turns, in_turns, run_to_end},
    problem::Problem,
    report,
    section::{Goal, Row, Section, Unit, thousands},
};

const HOW: &str = "Each document is changed, and then restored. `updateMany` is one plain update \
    that remembers nothing; only a field that was removed comes back from a collection with its \
    values. The floor is the least that a server needs for an exact way back: one `$merge` of \
    the values that would be lost, if there are such values, and one `updateMany` with a \
    pipeline; back, one `$merge` of these values and one `updateMany` of the other documents. The \
    case names the share of documents that need something remembered. Small documents have 100 \
    bytes, mixed ones 100 bytes to 1 MB (40 kB on average, a 50th as many). Each way runs in a \
    process of its own, whose peak memory is in the table; the time is that of the work alone. \
    Checked: the server's hash over all documents, after each direction.";

/// The most megabytes that a process may use.
const MEGABYTES_MAX: u64 = 100;

/// Measures the cases.
///
/// # Errors
///
/// If a document is not as it should be.
pub async fn run(bench: &Bench) -> Result<Section, Problem> {
    let title = "Declared document operations";
    let mut section = bench.own_section("changes", title, HOW, Unit::Seconds);
    let small = bench.args.documents.unwrap_or(if bench.args.short { 500 } else { 500_000 });
    let db = bench.client.database("changes");
    db.drop().await?;
    let mut base: Option<Sizes> = None;
    for case in Case::selected(&bench.args.cases) {
        let count = case.sizes.count(small);
        if base.replace(case.sizes) != Some(case.sizes) {
            data::make_base(&db, case.sizes, count).await?;
        }
        let states = data::make_seed(&db, case).await?;
        eprintln!("{} …", case.name);
        let measured = section.rows.len();
        measure_case(bench, &db, case, &states, count, &mut section).await?;
        // All cases take long: what an interrupted run measured is seen, and kept.
        eprintln!("{}", report::rows(&section, measured));
        bench.write(section.clone())?;
    }
    db.drop().await?;
    Ok(section)
}

async fn measure_case(
    bench: &Bench,
    db: &Database,
    case: Case,
    states: &States,
    count: u32,
    section: &mut Section,
) -> Result<(), Problem> {
    // Each way goes up and then down, on the same documents.
    let lanes: Vec<Lane> = Way::ALL
        .into_iter()
        .flat_map(|way| {
            [Direction::Up, Direction::Down].map(|direction| Lane { case, way, direction })
        })
        .collect();
    let mut peaks = vec![0; lanes.len()];
    let numbered: Vec<(usize, Lane)> = lanes.iter().copied().enumerate().collect();
    let turns = Turns::all(bench.args.runs_or(3));
    let outcomes = in_turns(&numbered, turns, async |(index, lane)| {
        let (run, peak) =
            turn(bench, db, *lane, states).await.map_err(|error| format!("{lane}: {error}"))?;
        if let Some(most) = peaks.get_mut(*index) {
            *most = peak.max(*most);
        }
        Ok(run)
    });
    let outcomes: Result<Vec<Samples>, Problem> = outcomes.await.into_iter().collect();
    let outcomes = outcomes?;
    for direction in [Direction::Up, Direction::Down] {
        let rows = || {
            let all = lanes.iter().zip(&outcomes).zip(&peaks);
            all.filter(|((lane, _), _)| lane.direction == direction)
        };
        let of = |way: Way| rows().find(|((lane, _), _)| lane.way == way).map(|((_, all), _)| all);
        let (plain, floor) = (of(Way::Plain), of(Way::Least));
        let title = format!("{}, {}, {}", case.name, direction.as_str(), thousands(count));
        for ((lane, samples), peak) in rows() {
            let name = lane.way.name();
            let mut row = Row::timed(section.unit, &title, &name, samples, floor);
            row.memory_mb = Some(*peak);
            if let Some(plain) = plain.filter(|_| lane.way != Way::Plain) {
                let times = samples.median().as_secs_f64() / plain.median().as_secs_f64();
                row.note = format!("{times:.2} × updateMany");
                if let Way::Declared { workers } = lane.way {
                    row.goals = goals(workers, row.ratio.unwrap_or(f64::NAN), times, *peak);
                }
            }
            section.rows.push(row);
        }
    }
    Ok(())
}

/// The goals of a declared operation.
fn goals(workers: u32, to_floor: f64, to_plain: f64, peak: u64) -> Vec<Goal> {
    let most = if workers == 1 { 1.3 } else { 0.9 };
    vec![
        Goal::ratio(to_floor, most, "the floor"),
        Goal::ratio(to_plain, 2.5, "updateMany"),
        Goal { text: format!("< {MEGABYTES_MAX} MB"), met: peak < MEGABYTES_MAX },
    ]
}

/// One run in one direction. The way down begins with what the way up of the same way left.
async fn turn(
    bench: &Bench,
    db: &Database,
    lane: Lane,
    states: &States,
) -> Result<(FinishedRun, u64), Problem> {
    match (lane.way, lane.direction) {
        (_, Direction::Up) => data::reset(db).await?,
        (Way::Plain, Direction::Down) => data::keep(db, lane.case).await?,
        _ => {}
    }
    data::settle(db).await?;
    let mut command = bench.app().command_with("change", &bench.uri, db.name(), &lane.to_string());
    let mut run = run_to_end(&bench.client, &mut command).await?;
    let peak = run.read_work()?;
    let state = match (lane.way, lane.direction) {
        (_, Direction::Up) => &states.changed,
        (Way::Plain, Direction::Down) => &states.plainly_restored,
        (_, Direction::Down) => &states.original,
    };
    data::check(db, state).await?;
    Ok((run, peak))
}
