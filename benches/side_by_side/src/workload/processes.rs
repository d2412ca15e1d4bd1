//! Many processes that start at once, with migrations pending.

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use crate::{
    Problem,
    bench::Bench,
    check,
    measure::{Ran, Samples, in_turns, undisturbed},
    section::{Goal, Row, Section, Unit, thousands},
    tool::{Job, Tool, Verb},
    wire::Count,
    workload::fresh,
};

const HOW: &str = "Twenty migrations are pending; so many processes of the app are started at once, \
    each of which applies what is pending, as an app does when it starts. From the start of the \
    first until the last is gone. Checked: all ended well, each effect is there once, the history \
    holds each once. The floor applies nothing: so many of its idle starts at once are what the \
    machine takes for the processes by themselves. Other tools have no lock, or not by default: for eight processes it is said \
    what became of the twenty effects.";

const PENDING: u32 = 20;

/// Measures it.
///
/// # Errors
///
/// When an effect is missing or there twice, or a process did not end well.
pub async fn run(bench: &Bench) -> Result<Section, Problem> {
    let counts: &[usize] = if bench.args.short { &[1, 8] } else { &[1, 8, 50] };
    let title = "Many processes at once";
    let mut section = bench.section("processes", title, HOW, Unit::Milliseconds);
    let turns = bench.turns(10);
    let lanes: Vec<(usize, bool)> =
        counts.iter().flat_map(|count| [(*count, false), (*count, true)]).collect();
    let outcomes = in_turns(&lanes, turns, async |(count, idle)| match idle {
        true => idle_starts(bench, *count).await,
        false => ours(bench, *count).await,
    })
    .await;
    let mut alone: Option<Samples> = None;
    for ((count, idle), outcome) in lanes.iter().zip(outcomes) {
        let samples = outcome?;
        let name = if *idle { "floor: idle starts" } else { "mongrate" };
        let mut row = Row::timed(section.unit, &case(*count), name, &samples, None);
        row.cpu = None;
        if let Some(alone) = &alone {
            let ratio = samples.median().as_secs_f64() / alone.median().as_secs_f64();
            row.note = format!("{ratio:.2} × one alone");
            if !idle {
                row.note += "; each effect once";
                row.goals.push(Goal::ratio(ratio, 1.5, "one process alone"));
            }
        } else {
            alone = Some(samples);
        }
        section.rows.push(row);
    }
    for tool in bench.peers() {
        match theirs(bench, tool, 8).await {
            Ok((ran, note)) => {
                let mut samples = Samples::default();
                samples.add(ran);
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

/// Starts all, waits for all; says how many ended well, and what the others said.
fn together(commands: Vec<Command>) -> Result<(Ran, usize, String), Problem> {
    let begun = Instant::now();
    let mut children = Vec::new();
    for mut command in commands {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        undisturbed(&mut command);
        children.push(command.spawn()?);
    }
    let (mut well, mut said) = (0, String::new());
    for child in children {
        let output = child.wait_with_output()?;
        if output.status.success() {
            well += 1;
        } else {
            said += &String::from_utf8_lossy(&output.stderr);
        }
    }
    Ok((Ran { wall: begun.elapsed(), ..Ran::default() }, well, said))
}

async fn ours(bench: &Bench, count: usize) -> Result<Ran, Problem> {
    let name = format!("processes_{count}");
    let db = fresh(bench, &name).await?;
    let app = bench.app();
    let commands = (0..count).map(|_| app.job("twenty", &bench.uri, &name, PENDING)).collect();
    let before = Count::now(&bench.client).await?;
    let (mut ran, well, said) = tokio::task::block_in_place(|| together(commands))?;
    ran.commands = Count::now(&bench.client).await?.since(&before);
    if well != count {
        return Err(format!("{well} of {count} processes ended well: {said}").into());
    }
    check::effects(&db, PENDING.into()).await?;
    check::history(&db, &app.history(), PENDING.into()).await?;
    db.drop().await?;
    Ok(ran)
}

/// So many processes that connect, read an empty history, and end.
async fn idle_starts(bench: &Bench, count: usize) -> Result<Ran, Problem> {
    let name = format!("processes_idle_{count}");
    let db = fresh(bench, &name).await?;
    let floor = bench.floor();
    let commands = (0..count).map(|_| floor.job("idle", &bench.uri, &name, 0)).collect();
    let before = Count::now(&bench.client).await?;
    let (mut ran, well, said) = tokio::task::block_in_place(|| together(commands))?;
    ran.commands = Count::now(&bench.client).await?.since(&before);
    if well != count {
        return Err(format!("{well} of {count} idle starts ended well: {said}").into());
    }
    db.drop().await?;
    Ok(ran)
}

async fn theirs(bench: &Bench, tool: &dyn Tool, count: usize) -> Result<(Ran, String), Problem> {
    let database = "processes_theirs".to_owned();
    let job = Job { verb: Verb::Apply, uri: bench.uri.clone(), database, count: PENDING };
    let db = fresh(bench, &job.database).await?;
    tool.lay_out(&job)?;
    let command = || tool.command(&job).ok_or("it cannot apply");
    let commands = (0..count).map(|_| command()).collect::<Result<Vec<_>, _>>()?;
    let (ran, well, _) = tokio::task::block_in_place(|| together(commands))?;
    let effects = check::effects_in_all(&db).await?;
    db.drop().await?;
    Ok((ran, format!("{effects} effects instead of {PENDING}; {well} of {count} ended well")))
}
