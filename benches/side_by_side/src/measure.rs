//! Runs a program to its end, and takes its time; runs several in turns.

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

use crate::{Problem, wire::Count};

/// Without the variables of a developer's that make programs slower.
pub fn undisturbed(command: &mut Command) {
    command.env_remove("RUST_BACKTRACE").env_remove("RUST_LOG");
}

/// Something that ran to its end, well.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// From before it was started until after it was gone.
    pub wall: Duration,
    /// Of all processors, the kernel's share included; of its own process only.
    pub cpu: Duration,
    /// What the server was sent meanwhile, by name.
    pub commands: BTreeMap<String, u64>,
    /// What it printed.
    pub output: String,
}

/// Runs a program to its end.
///
/// # Errors
///
/// When it cannot be started, or does not end well: with what it said.
pub async fn once(client: &Client, command: &mut Command) -> Result<Ran, Problem> {
    command.stdin(Stdio::null());
    undisturbed(command);
    let before = (Count::now(client).await?, cpu()?);
    let (wall, output) = tokio::task::block_in_place(|| {
        let begun = Instant::now();
        command.output().map(|output| (begun.elapsed(), output))
    })
    .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let after = (cpu()?, Count::now(client).await?);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        let (said, errors) = (text(&output.stdout), text(&output.stderr));
        // The name alone, as it may come to stand in the guide.
        let program = Path::new(command.get_program()).file_name().unwrap_or_default();
        let (program, status) = (program.display(), output.status);
        return Err(format!("`{program}` ended with {status}: {said}{errors}").into());
    }
    Ok(Ran {
        wall,
        cpu: after.0.saturating_sub(before.1),
        commands: after.1.since(&before.0),
        output: text(&output.stdout),
    })
}

/// Processor time of all children that were waited for.
fn cpu() -> Result<Duration, Problem> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = (usage.user_time() + usage.system_time()).num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros)?))
}

/// What was seen of one thing, run several times.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<Ran>);

impl Samples {
    /// One more.
    pub fn add(&mut self, ran: Ran) {
        self.0.push(ran);
    }

    /// How many.
    pub fn runs(&self) -> usize {
        self.0.len()
    }

    /// The median time on the clock.
    pub fn median(&self) -> Duration {
        middle(self.0.iter().map(|ran| ran.wall).collect())
    }

    /// The least time on the clock: what else a machine does only adds.
    pub fn least(&self) -> Duration {
        self.0.iter().map(|ran| ran.wall).min().unwrap_or_default()
    }

    /// The median of processor time.
    pub fn cpu(&self) -> Duration {
        middle(self.0.iter().map(|ran| ran.cpu).collect())
    }

    /// The median of commands on the wire.
    pub fn commands(&self) -> u64 {
        middle(self.0.iter().map(|ran| ran.commands.values().sum()).collect())
    }

    /// What was on the wire in a run with the median number of commands: `5 find, 3 update`.
    pub fn commands_by_name(&self) -> String {
        let median = self.commands();
        let one = self.0.iter().find(|ran| ran.commands.values().sum::<u64>() == median);
        let named = one.into_iter().flat_map(|ran| &ran.commands);
        named.map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
    }
}

fn middle<T: Copy + Default + Ord>(mut all: Vec<T>) -> T {
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or_default()
}

/// How often things are run.
#[derive(Clone, Copy, Debug)]
pub struct Turns {
    /// At most.
    pub runs: u32,
    /// What has used up this much is not run again, after `FEW` runs.
    pub budget: Duration,
    /// Whether what runs first does not count, unless it took a tenth of the budget.
    pub warm_up: bool,
}

impl Turns {
    /// So many runs, however long they take: for what needs no warming up.
    pub const fn all(runs: u32) -> Self {
        Self { runs, budget: Duration::from_secs(24 * 3_600), warm_up: false }
    }
}

/// So many runs are worth waiting for, unless one alone uses up the budget.
const FEW: usize = 3;

/// Runs each of `all` in turns, so that what else the machine does falls on all of them. What ran
/// first of all only warms up, unless it took so long that nobody would notice. One that fails is
/// not run again, and has its error instead of samples.
pub async fn in_turns<T>(
    all: &[T],
    turns: Turns,
    mut run: impl AsyncFnMut(&T) -> Result<Ran, Problem>,
) -> Vec<Result<Samples, Problem>> {
    let mut seen: Vec<_> = all.iter().map(|_| Ok(Samples::default())).collect();
    let mut used = vec![Duration::ZERO; all.len()];
    for round in 0..=turns.runs {
        for ((one, outcome), used) in all.iter().zip(&mut seen).zip(&mut used) {
            let Ok(samples) = outcome else { continue };
            let enough = samples.runs() >= turns.runs as usize;
            let few = samples.runs() < FEW && *used <= turns.budget * 3;
            if enough || *used > turns.budget && !few {
                continue;
            }
            match run(one).await {
                Ok(ran) if round == 0 && turns.warm_up && ran.wall < turns.budget / 10 => {}
                Ok(ran) => {
                    *used += ran.wall;
                    samples.add(ran);
                }
                Err(problem) => *outcome = Err(problem),
            }
        }
    }
    seen
}
