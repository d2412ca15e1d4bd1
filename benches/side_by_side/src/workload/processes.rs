//! Many processes start at once, with migrations pending.

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use mongrate::Migrator;

use crate::{
    bench::Bench,
    check,
    list::TWENTY,
    measure::{FinishedRun, Samples, in_turns, undisturbed},
    problem::Problem,
    section::{Goal, Row, Section, Unit, thousands},
    tool::{Job, Tool, Verb},
    wire::CommandCounts,
    workload::fresh_database,
};

const HOW: &str = "Twenty migrations are pending. Several processes of the app start at once, \
    and each applies what is pending, as an app does at its start. From the start of the first \
    process until the last is gone. Checked: all processes succeeded, each effect is there once, \
    and the history holds each migration once. The floor applies nothing: its idle starts show \
    what the machine takes for so many processes alone. The goal is a sum of the \
    same turns: so many idle starts of the floor, and one process of the app alone. Each number of \
    processes is measured twice: on a fresh database, where they also create the collection of the \
    history, all at once, and where that collection exists, with nothing applied. Other tools have \
    no lock, or none by default: for eight processes, the table says what became of the twenty \
    effects.";

const PENDING: u32 = 20;

/// What starts at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// The app, on a database that it never used.
    First,
    /// The app, where the collection of its history exists.
    Later,
    /// The floor, which applies nothing.
    Idle,
}

impl Start {
    const ALL: [Self; 3] = [Self::First, Self::Later, Self::Idle];

    const fn name(self) -> &'static str {
        match self {
            Self::First => "mongrate, fresh database",
            Self::Later => "mongrate, with its collection",
            Self::Idle => "floor: idle starts",
        }
    }
}

/// So many processes at once, of the app or of the floor.
struct Lane {
    count: usize,
    start: Start,
    samples: Samples,
}

/// Measures simultaneous starts.
///
/// # Errors
///
/// If an effect is missing or happened twice, or a process failed.
pub async fn run(bench: &Bench) -> Result<Section, Problem> {
    let counts: &[usize] = if bench.args.short { &[1, 8] } else { &[1, 8, 50] };
    let title = "Many processes at once";
    let mut section = bench.section("processes", title, HOW, Unit::Milliseconds);
    let turns = bench.turns(10);
    let lanes: Vec<(usize, Start)> =
        counts.iter().flat_map(|count| Start::ALL.map(|start| (*count, start))).collect();
    let outcomes = in_turns(&lanes, turns, async |(count, start)| match start {
        Start::Idle => start_idle(bench, *count).await,
        Start::First | Start::Later => start_mongrate(bench, *count, *start).await,
    })
    .await;
    let lanes: Vec<Lane> = lanes
        .into_iter()
        .zip(outcomes)
        .map(|((count, start), outcome)| Ok(Lane { count, start, samples: outcome? }))
        .collect::<Result<_, Problem>>()?;
    let median = |count: usize, start: Start| {
        let lane = lanes.iter().find(|lane| (lane.count, lane.start) == (count, start));
        lane.map_or(0.0, |lane| lane.samples.median().as_secs_f64())
    };
    for Lane { count, start, samples } in &lanes {
        let mut row = Row::timed(section.unit, &case(*count), start.name(), samples, None);
        row.cpu = None;
        if *start != Start::Idle && *count > 1 {
            let (all, alone) = (median(*count, *start), median(1, *start));
            let ratio = all / (median(*count, Start::Idle) + alone);
            let times = all / alone;
            row.note = format!("{times:.2} × one alone; {ratio:.2} × the sum; each effect once");
            row.goals.push(Goal::ratio(ratio, 1.15, "(idle starts of the floor + one alone)"));
        }
        section.rows.push(row);
    }
    for tool in bench.peers() {
        match start_peer(bench, tool, 8).await {
            Ok((run, note)) => {
                let mut samples = Samples::default();
                samples.add(run);
                let mut row = Row::timed(section.unit, &case(8), tool.name(), &samples, None);
                (row.cpu, row.commands, row.note) = (None, None, note);
                section.rows.push(row);
            }
            Err(problem) => section.skipped.push(format!("{}: {problem}", tool.name())),
        }
    }
    Ok(section)
}

fn case(count: usize) -> String {
    let count = thousands(u32::try_from(count).unwrap_or(u32::MAX));
    format!("{count} process{}", if count == "1" { "" } else { "es" })
}

/// Runs all commands at once. Returns how many succeeded, and the errors of the others.
fn run_together(commands: Vec<Command>) -> Result<(FinishedRun, usize, String), Problem> {
    let begun = Instant::now();
    let mut children = Vec::new();
    for mut command in commands {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        undisturbed(&mut command);
        children.push(command.spawn()?);
    }
    let (mut succeeded, mut errors) = (0, String::new());
    for child in children {
        let output = child.wait_with_output()?;
        if output.status.success() {
            succeeded += 1;
        } else {
            errors += &String::from_utf8_lossy(&output.stderr);
        }
    }
    Ok((FinishedRun { wall: begun.elapsed(), ..FinishedRun::default() }, succeeded, errors))
}

async fn start_mongrate(bench: &Bench, count: usize, start: Start) -> Result<FinishedRun, Problem> {
    let name = format!("processes_{count}");
    let db = fresh_database(bench, &name).await?;
    if start == Start::Later {
        // Writes the lock's document, and so makes the collection.
        let operator = Migrator::with_static(&db, &TWENTY);
        operator.pause().await?;
        operator.resume().await?;
    }
    let app = bench.app();
    let commands =
        (0..count).map(|_| app.command_for("twenty", &bench.uri, &name, PENDING)).collect();
    let before = CommandCounts::now(&bench.client).await?;
    let (mut run, succeeded, errors) = tokio::task::block_in_place(|| run_together(commands))?;
    run.commands = CommandCounts::now(&bench.client).await?.since(&before);
    if succeeded != count {
        return Err(format!("{succeeded} of {count} processes succeeded: {errors}").into());
    }
    check::effects(&db, PENDING.into()).await?;
    check::history(&db, &app.history(), PENDING.into()).await?;
    db.drop().await?;
    Ok(run)
}

/// Starts the floor so many times at once: each process connects, reads an empty history, and ends.
async fn start_idle(bench: &Bench, count: usize) -> Result<FinishedRun, Problem> {
    let name = format!("processes_idle_{count}");
    let db = fresh_database(bench, &name).await?;
    let floor = bench.floor();
    let commands = (0..count).map(|_| floor.command_for("idle", &bench.uri, &name, 0)).collect();
    let before = CommandCounts::now(&bench.client).await?;
    let (mut run, succeeded, errors) = tokio::task::block_in_place(|| run_together(commands))?;
    run.commands = CommandCounts::now(&bench.client).await?.since(&before);
    if succeeded != count {
        return Err(format!("{succeeded} of {count} idle starts succeeded: {errors}").into());
    }
    db.drop().await?;
    Ok(run)
}

async fn start_peer(
    bench: &Bench,
    tool: &dyn Tool,
    count: usize,
) -> Result<(FinishedRun, String), Problem> {
    let database = "processes_theirs".to_owned();
    let job = Job { verb: Verb::Apply, uri: bench.uri.clone(), database, count: PENDING };
    let db = fresh_database(bench, &job.database).await?;
    tool.lay_out(&job)?;
    let command = || tool.command(&job).ok_or("it cannot apply");
    let commands = (0..count).map(|_| command()).collect::<Result<Vec<_>, _>>()?;
    let (run, succeeded, _) = tokio::task::block_in_place(|| run_together(commands))?;
    let effects = check::count_effects(&db).await?;
    db.drop().await?;
    let note = format!("{effects} effects instead of {PENDING}; {succeeded} of {count} ended well");
    Ok((run, note))
}
