//! Changes every document of a large collection: backfills next to code written by hand.

use mongodb::Database;

use crate::{
    backfill::{
        data::{check, reset, seed},
        way::{Method, Way},
    },
    bench::Bench,
    measure::{FinishedRun, Samples, Turns, in_turns, run_to_end},
    problem::Problem,
    section::{Row, Section, Unit, thousands},
};

const HOW: &str = "Each document gets a counter that is raised, and a text that is made from two \
    other fields. A plain `updateMany` with a pipeline, and backfills with the same pipeline \
    (`update`); a loop of a cursor and bulk writes, and backfills with a function that does what \
    the loop does (`update_each`). Ratios are to `updateMany` and to the loop. Each way runs in a \
    process of its own, whose peak memory is in the table; the time is that of the work alone. A \
    killed process ends when half of the documents are changed, in the middle of a batch; \
    another process resumes its work, and both times count. Checked: each document was changed \
    exactly once.";

/// Measures the ways.
///
/// # Errors
///
/// If a document was not changed, or was changed twice.
pub async fn run(bench: &Bench) -> Result<Section, Problem> {
    let mut section = bench.own_section("backfill", "Backfill", HOW, Unit::Seconds);
    let default = if bench.args.short { 20_000 } else { 1_000_000 };
    let mut counts = vec![bench.args.documents.unwrap_or(default)];
    if bench.args.ten_million {
        counts.push(10_000_000);
    }
    let db = bench.client.database("backfill");
    for count in counts {
        db.drop().await?;
        seed(&db, i32::try_from(count)?).await?;
        // A large case needs no warm-up, and is not run often.
        let turns = Turns::all(if count > 1_000_000 { 1 } else { bench.args.runs_or(3) });
        let mut peaks = vec![0; Way::ALL.len()];
        let ways: Vec<(usize, Way)> = Way::ALL.into_iter().enumerate().collect();
        let outcomes = in_turns(&ways, turns, async |(index, way)| {
            let (run, peak) = measured(bench, &db, *way, count)
                .await
                .map_err(|error| format!("{}: {error}", way.name()))?;
            if let Some(most) = peaks.get_mut(*index) {
                *most = peak.max(*most);
            }
            Ok(run)
        });
        let outcomes: Result<Vec<Samples>, Problem> = outcomes.await.into_iter().collect();
        let outcomes = outcomes?;
        let case = format!("{} documents", thousands(count));
        for (((_, way), samples), peak) in ways.iter().zip(&outcomes).zip(&peaks) {
            let floor = Way::ALL.iter().position(|other| other.method == way.floor());
            let floor = floor.and_then(|floor| outcomes.get(floor));
            let mut row = Row::timed(section.unit, &case, &way.name(), samples, floor);
            row.memory_mb = Some(*peak);
            if way.method == Method::UpdateMany {
                row.note = "the least that the server needs".to_owned();
            }
            section.rows.push(row);
        }
    }
    db.drop().await?;
    Ok(section)
}

/// One run: its time is that of the work, and so is the time of the run that resumes it. Returns
/// also the peak memory in MB.
async fn measured(
    bench: &Bench,
    db: &Database,
    way: Way,
    count: u32,
) -> Result<(FinishedRun, u64), Problem> {
    reset(db).await?;
    let process = async |job: &str| {
        let mut command = bench.app().command_with(job, &bench.uri, db.name(), &way.to_string());
        let mut run = run_to_end(&bench.client, &mut command).await?;
        let peak = run.read_work()?;
        Ok::<_, Problem>((run, peak))
    };
    let first = if way.is_killed { Some(process("half-backfill").await?) } else { None };
    if first.is_some() && check(db, i32::try_from(count)?).await.is_ok() {
        return Err("the process that was to be killed did all the work".into());
    }
    let (mut run, mut peak) = process("backfill").await?;
    if let Some((half, peak_then)) = first {
        run.wall += half.wall;
        run.cpu += half.cpu;
        for (name, count) in half.commands {
            *run.commands.entry(name).or_default() += count;
        }
        peak = peak.max(peak_then);
    }
    check(db, i32::try_from(count)?).await?;
    Ok((run, peak))
}
