//! `kill -9` in the middle of a migration, and another process that goes on.

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
    Problem,
    bench::Bench,
    check,
    measure::{Ran, Turns, in_turns, once},
    section::{Goal, Row, Section, Unit},
    tool::Tool as _,
    workload::fresh,
};

const HOW: &str = "A process is ended with `kill -9`, or stopped for good with `kill -STOP`, in the \
    second of three migrations, after its write and before its commit; another one is started at \
    once. From the kill until that one is gone. Who is stopped still exists, so that only its lease \
    tells, as it does for a process of another machine. Checked: the other one ended well, and each \
    effect is there once. Other tools are left out: they keep neither a lease nor a transaction \
    that could be recovered from.";

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

/// Measures it.
///
/// # Errors
///
/// When an effect is missing or there twice, or a process did not do what it should have.
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

async fn measured(bench: &Bench, case: Case) -> Result<Ran, Problem> {
    let name = "kill";
    let db = fresh(bench, name).await?;
    let app = bench.app();
    let mut hanging = inside(&mut app.job("hang", &bench.uri, name, case.lease))?;
    let killed = Instant::now();
    kill(Pid::from_raw(i32::try_from(hanging.id())?), case.signal)?;
    if case.signal == Signal::SIGKILL {
        hanging.wait()?;
    }
    let outcome = once(&bench.client, &mut app.job("calm", &bench.uri, name, case.lease)).await;
    let took = killed.elapsed();
    // Who was only stopped is ended now.
    hanging.kill()?;
    hanging.wait()?;
    let mut ran = outcome?;
    ran.wall = took;
    check::effects(&db, 3).await?;
    check::history(&db, &app.history(), 3).await?;
    db.drop().await?;
    Ok(ran)
}

/// Starts it, and waits until it is in the middle of its second migration.
fn inside(command: &mut Command) -> Result<Child, Problem> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().ok_or("it has no output")?;
    let said = BufReader::new(output).lines().map_while(Result::ok).any(|line| line == "inside");
    if said { Ok(child) } else { Err("it ended before it came to its second migration".into()) }
}
