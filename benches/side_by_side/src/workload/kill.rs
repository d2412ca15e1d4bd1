//! Kills a process in the middle of a migration; another process recovers.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Instant,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    bench::Bench,
    check,
    measure::{FinishedRun, Turns, in_turns, run_to_end},
    problem::Problem,
    section::{Goal, Row, Section, Unit},
    tool::Tool as _,
    workload::fresh_database,
};

const HOW: &str = "A process is killed with `kill -9`, or stopped for good with `kill -STOP`, in \
    the second of three migrations, after its write and before its commit. Another process is \
    started at once. From the kill until that process is gone. A stopped process still exists, \
    so only its lease shows that it is dead, as with a process on another machine. Checked: the \
    other process succeeded, and each effect is there once. Other tools are left out: they keep \
    neither a lease nor a transaction from which to recover.";

#[derive(Clone, Copy)]
struct Case {
    signal: Signal,
    /// In seconds.
    lease: u32,
    runs: u32,
}

/// The default lease is 30 s.
const CASES: [Case; 4] = [
    Case { signal: Signal::SIGKILL, lease: 30, runs: 3 },
    Case { signal: Signal::SIGKILL, lease: 5, runs: 3 },
    Case { signal: Signal::SIGSTOP, lease: 5, runs: 3 },
    Case { signal: Signal::SIGSTOP, lease: 30, runs: 1 },
];

const SHORT: [Case; 2] = [
    Case { signal: Signal::SIGKILL, lease: 1, runs: 1 },
    Case { signal: Signal::SIGSTOP, lease: 1, runs: 1 },
];

/// Measures the recovery.
///
/// # Errors
///
/// If an effect is missing or happened twice, or a process did not do its work.
pub async fn run(bench: &Bench) -> Result<Section, Problem> {
    let cases: &[Case] = if bench.args.short { &SHORT } else { &CASES };
    let title = "Recovery after `kill -9`";
    let mut section = bench.own_section("kill", title, HOW, Unit::Seconds);
    for case in cases {
        let turns = Turns::all(bench.args.runs_or(case.runs).min(case.runs));
        let run = async |case: &Case| measured(bench, *case).await;
        for outcome in in_turns(&[*case], turns, run).await {
            let samples = outcome?;
            let killed = case.signal == Signal::SIGKILL;
            let what = if killed { "killed" } else { "stopped" };
            let title = format!("{what}, lease of {} s", case.lease);
            let mut row = Row::timed(section.unit, &title, "mongrate", &samples, None);
            (row.cpu, row.commands) = (None, None);
            row.commands_by_name.clear();
            let bound = f64::from(case.lease) + 2.0;
            let within = Goal { text: format!("≤ {bound} s"), met: row.median <= bound };
            let at_once = Goal { text: "at once (≤ 1 s)".to_owned(), met: row.median <= 1.0 };
            row.goals = vec![if killed { at_once } else { within }];
            section.rows.push(row);
        }
    }
    Ok(section)
}

async fn measured(bench: &Bench, case: Case) -> Result<FinishedRun, Problem> {
    let name = "kill";
    let db = fresh_database(bench, name).await?;
    let app = bench.app();
    let mut hanging =
        start_until_inside(&mut app.command_for("hang", &bench.uri, name, case.lease))?;
    let killed = Instant::now();
    kill(Pid::from_raw(i32::try_from(hanging.id())?), case.signal)?;
    if case.signal == Signal::SIGKILL {
        hanging.wait()?;
    }
    let outcome =
        run_to_end(&bench.client, &mut app.command_for("resume", &bench.uri, name, case.lease))
            .await;
    let took = killed.elapsed();
    // A process that was only stopped is killed now.
    hanging.kill()?;
    hanging.wait()?;
    let mut run = outcome?;
    run.wall = took;
    check::effects(&db, 3).await?;
    check::history(&db, &app.history(), 3).await?;
    db.drop().await?;
    Ok(run)
}

/// Starts a process, and waits until it is in the middle of its second migration.
fn start_until_inside(command: &mut Command) -> Result<Child, Problem> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().ok_or("the process has no output")?;
    let is_inside =
        BufReader::new(output).lines().map_while(Result::ok).any(|line| line == "inside");
    if is_inside { Ok(child) } else { Err("the process ended before its second migration".into()) }
}
