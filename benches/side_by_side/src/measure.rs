//! Runs a program to its end and takes its time; runs several programs in turns.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use mongodb::Client;
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike as _,
};

use crate::{problem::Problem, wire::CommandCounts};

/// Removes a developer's environment variables that make programs slower.
pub fn undisturbed(command: &mut Command) {
    command.env_remove("RUST_BACKTRACE").env_remove("RUST_LOG");
}

/// A run that succeeded.
#[derive(Clone, Debug, Default)]
pub struct FinishedRun {
    /// The time from before the start until the process is gone.
    pub wall: Duration,
    /// The time on all processors, the kernel's share included, of this process only.
    pub cpu: Duration,
    /// The commands that the server got meanwhile, by name.
    pub commands: BTreeMap<String, u64>,
    /// The output.
    pub output: String,
}

impl FinishedRun {
    /// Reads the time of the work from the output, in place of the time of the whole process.
    /// Returns the peak memory in MB. The process prints both: microseconds, then MB.
    ///
    /// # Errors
    ///
    /// If the process printed something else.
    pub fn read_work(&mut self) -> Result<u64, Problem> {
        let printed = self.output.trim();
        let unexpected = || format!("the process printed `{printed}`");
        let (micros, peak) = printed.split_once(' ').ok_or_else(unexpected)?;
        let peak = peak.parse()?;
        self.wall = Duration::from_micros(micros.parse()?);
        Ok(peak)
    }
}

/// Runs a program to its end.
///
/// # Errors
///
/// If the program cannot be started, or fails: with its output.
pub async fn run_to_end(client: &Client, command: &mut Command) -> Result<FinishedRun, Problem> {
    command.stdin(Stdio::null());
    undisturbed(command);
    let before = (CommandCounts::now(client).await?, children_cpu()?);
    let (wall, output) = tokio::task::block_in_place(|| {
        let begun = Instant::now();
        command.output().map(|output| (begun.elapsed(), output))
    })
    .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let after = (children_cpu()?, CommandCounts::now(client).await?);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        let (printed, errors) = (text(&output.stdout), text(&output.stderr));
        // Only the name without its path: the text may end up in the guide.
        let program = Path::new(command.get_program()).file_name().unwrap_or_default();
        let (program, status) = (program.display(), output.status);
        return Err(format!("`{program}` ended with {status}: {printed}{errors}").into());
    }
    Ok(FinishedRun {
        wall,
        cpu: after.0.saturating_sub(before.1),
        commands: after.1.since(&before.0),
        output: text(&output.stdout),
    })
}

/// The processor time of all children that this process has waited for.
///
/// # Errors
///
/// If the system does not say.
pub fn children_cpu() -> Result<Duration, Problem> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = (usage.user_time() + usage.system_time()).num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros)?))
}

/// The runs of a tool in a case.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<FinishedRun>);

impl Samples {
    /// Adds a run.
    pub fn add(&mut self, run: FinishedRun) {
        self.0.push(run);
    }

    /// The number of runs.
    pub fn runs(&self) -> usize {
        self.0.len()
    }

    /// The median of wall-clock times.
    pub fn median(&self) -> Duration {
        middle(self.0.iter().map(|run| run.wall).collect())
    }

    /// The least wall-clock time: other work of the machine only adds to it.
    pub fn least(&self) -> Duration {
        self.0.iter().map(|run| run.wall).min().unwrap_or_default()
    }

    /// The median of processor times.
    pub fn cpu(&self) -> Duration {
        middle(self.0.iter().map(|run| run.cpu).collect())
    }

    /// The median number of commands on the wire.
    pub fn commands(&self) -> u64 {
        middle(self.0.iter().map(|run| run.commands.values().sum()).collect())
    }

    /// The commands of a run that has the median number: `5 find, 3 update`.
    pub fn commands_by_name(&self) -> String {
        let median = self.commands();
        let run = self.0.iter().find(|run| run.commands.values().sum::<u64>() == median);
        let named = run.into_iter().flat_map(|run| &run.commands);
        named.map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
    }
}

fn middle<T: Copy + Default + Ord>(mut all: Vec<T>) -> T {
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or_default()
}

/// How often each entry is run.
#[derive(Clone, Copy, Debug)]
pub struct Turns {
    /// The most runs.
    pub runs: u32,
    /// An entry that has used this much time is not run again, after `RUNS_MIN` runs.
    pub budget: Duration,
    /// Whether the first run does not count, unless it took a tenth of the budget.
    pub warm_up: bool,
}

impl Turns {
    /// This many runs, however long they take, without a warm-up.
    pub const fn all(runs: u32) -> Self {
        Self { runs, budget: Duration::from_secs(24 * 3_600), warm_up: false }
    }
}

/// The fewest runs, unless they use up three times the budget.
const RUNS_MIN: usize = 3;

/// Runs the entries in turns, so that other work of the machine slows all of them down. The first
/// run of each is a warm-up, unless it took so long that a warm-up makes no difference. An entry
/// that fails is not run again, and has its error instead of samples.
pub async fn in_turns<T>(
    entries: &[T],
    turns: Turns,
    mut run: impl AsyncFnMut(&T) -> Result<FinishedRun, Problem>,
) -> Vec<Result<Samples, Problem>> {
    let mut outcomes: Vec<_> = entries.iter().map(|_| Ok(Samples::default())).collect();
    let mut used = vec![Duration::ZERO; entries.len()];
    for round in 0..=turns.runs {
        for ((entry, outcome), used) in entries.iter().zip(&mut outcomes).zip(&mut used) {
            let Ok(samples) = outcome else { continue };
            let has_enough = samples.runs() >= turns.runs as usize;
            let has_few = samples.runs() < RUNS_MIN && *used <= turns.budget * 3;
            if has_enough || *used > turns.budget && !has_few {
                continue;
            }
            match run(entry).await {
                Ok(finished)
                    if round == 0 && turns.warm_up && finished.wall < turns.budget / 10 => {}
                Ok(finished) => {
                    *used += finished.wall;
                    samples.add(finished);
                }
                Err(problem) => *outcome = Err(problem),
            }
        }
    }
    outcomes
}
