//! The coordinator. `cargo run --release -p mongrate-chaos -- --help`

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use clap::{Parser, Subcommand};
use mongrate::embedded::Embedded;
use mongrate_chaos::{
    history::History,
    mutants::{self, MUTANTS, Within},
    network::FAULTS,
    point::{Count, Point},
    recovery::{self, Fall},
    round::{Outcome, Verb, World},
    steered::Ask,
    units::{self, Done, State, Unit},
    weather::Set,
};

/// Breaks Mongrate on purpose, and checks from the database that nothing happened twice.
#[derive(Debug, Parser)]
struct Args {
    /// Where to record what is done; a later run resumes from it.
    #[arg(long, global = true)]
    state: Option<PathBuf>,
    /// How many rounds at a time.
    #[arg(long, global = true, default_value_t = 24)]
    jobs: usize,
    /// Begins no new round after so many minutes.
    #[arg(long, global = true)]
    minutes: Option<u64>,
    /// The lease of the runners. A machine that stalls for longer wants a longer one.
    #[arg(long, global = true, default_value_t = 1_000)]
    lease_ms: u64,
    /// Only this part of the rounds, as `2/4`.
    #[arg(long, global = true, default_value = "1/1")]
    part: String,
    /// Shuffles the rounds, and seeds the random ones.
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
    /// The data directory of the server that is started; `MONGODB_URI` names another server.
    #[arg(long, global = true)]
    data_dir: Option<PathBuf>,
    /// The runner program. Default: the one beside this.
    #[arg(long, global = true)]
    runner: Option<PathBuf>,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The long form: all of the below, with the figures of docs/reliability.md.
    All,
    /// Every crash point of one runner.
    Singles,
    /// Pairs of crash points of two runners.
    Pairs {
        /// At most so many.
        #[arg(long)]
        limit: Option<usize>,
        /// Only of this history.
        #[arg(long)]
        history: Option<String>,
    },
    /// The network fails a runner at each of its commands.
    Network,
    /// An operator pauses or cancels a runner at each crash point.
    Steered,
    /// Rounds in which a seed decides.
    Random {
        /// How many runners.
        #[arg(long, default_value_t = 8)]
        runners: u32,
        /// How many rounds.
        #[arg(long, default_value_t = 100)]
        rounds: u64,
    },
    /// Rounds on a set of three whose primary steps down, is killed and is frozen meanwhile.
    Failover {
        /// How many forced stepdowns.
        #[arg(long, default_value_t = 0)]
        stepdowns: u64,
        /// How many `kill -9` of the primary, with restart.
        #[arg(long, default_value_t = 0)]
        kills: u64,
        /// How many freezes of the primary.
        #[arg(long, default_value_t = 0)]
        freezes: u64,
    },
    /// A runner and the primary of a set of three fall together: how long until another runner
    /// is done.
    Recoveries {
        /// How many `kill -9` of the primary.
        #[arg(long, default_value_t = 0)]
        kills: u64,
        /// How many stepdowns.
        #[arg(long, default_value_t = 0)]
        stepdowns: u64,
    },
    /// The schedules, with the true program and with every mutant: each has to be caught.
    Mutants,
    /// What the state file says.
    Tally,
}

/// The shortest that may be set.
const LEASE: Duration = Duration::from_secs(1);

/// Of the long form: two crash points each, beside those of the single runners.
const PAIRS: usize = 10_000;

/// Stepdowns, kills and freezes of the primary in the long form.
const WEATHER: [u64; 3] = [1_000, 100, 50];

/// Kills and stepdowns of the primary that take a runner with them, in the long form.
const RECOVERIES: [u64; 2] = [50, 50];

/// More than any history's run sends.
const COMMANDS_MAX: u32 = 140;

/// How many rounds one server has. It goes through what earlier rounds have left, sessions and files of
/// dropped collections, again and again: 30 rounds a second are 10 after 1,500 of them.
const ROUNDS_MAX: usize = 500;

/// How many late rounds are looked at at a time.
const AGAIN_JOBS: usize = 3;

/// Longer than an election: with less, each of them takes the lock from its owner, which
/// gives up after ten times.
const LEASE_OF_A_SET: Duration = Duration::from_secs(5);

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn beside(name: &str) -> std::io::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

async fn run(args: Args) -> Result<bool, Failure> {
    let state = Arc::new(Mutex::new(State::open(args.state.as_deref())?));
    let tally = || state.lock().unwrap_or_else(PoisonError::into_inner).tally();
    if let What::Tally = args.what {
        print!("{}", tally());
        return Ok(true);
    }
    let runner = match &args.runner {
        Some(path) => path.clone(),
        None => beside("chaos-runner")?,
    };
    if let What::Mutants = args.what {
        return judge_mutants(&runner).await;
    }
    if let What::Recoveries { kills, stepdowns } = args.what {
        let well = recoveries(&args, &runner, &state, [kills, stepdowns]).await?;
        print!("{}", tally());
        return Ok(well);
    }
    if let What::Failover { stepdowns, kills, freezes } = args.what {
        let well = failover(&args, &runner, &state, [stepdowns, kills, freezes]).await?;
        print!("{}", tally());
        return Ok(well);
    }
    let all = matches!(args.what, What::All);
    let until = args.minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let servers = Servers { args: &args, runner: &runner, state: &state, until };
    let go = async |units: Vec<Unit>, jobs: usize| {
        let units = part(units, &args)?;
        let units = state.lock().unwrap_or_else(PoisonError::into_inner).unknown(units);
        let run = async |world: &Arc<World>, units: &[Unit]| {
            Ok(units::run(world, units.to_vec(), jobs, until, &state).await?)
        };
        servers.over(&units, run).await
    };
    let mut late;
    match &args.what {
        What::Singles => late = go(servers.list(singles).await?, args.jobs).await?,
        What::Pairs { limit, history } => {
            late = go(servers.list(singles).await?, args.jobs).await?;
            let mut pairs = {
                let state = state.lock().unwrap_or_else(PoisonError::into_inner);
                pairs(&state, history.as_deref(), args.seed)
            };
            pairs.truncate(limit.unwrap_or(usize::MAX));
            late.extend(go(pairs, args.jobs).await?);
        }
        What::All => {
            late = go(servers.list(singles).await?, args.jobs).await?;
            late.extend(go(servers.list(network).await?, args.jobs).await?);
            late.extend(go(servers.list(steered).await?, args.jobs).await?);
            let mut pairs = {
                let state = state.lock().unwrap_or_else(PoisonError::into_inner);
                pairs(&state, None, args.seed)
            };
            pairs.truncate(PAIRS);
            late.extend(go(pairs, args.jobs).await?);
            for (runners, rounds) in [(2, 1_000), (8, 1_000), (50, 100)] {
                let jobs = (args.jobs / runners as usize).max(2);
                late.extend(go(random(runners, rounds, args.seed), jobs).await?);
            }
        }
        What::Network => late = go(servers.list(network).await?, args.jobs).await?,
        What::Steered => late = go(servers.list(steered).await?, args.jobs).await?,
        What::Random { runners, rounds } => {
            late = go(random(*runners, *rounds, args.seed), args.jobs).await?;
        }
        What::Tally | What::Mutants | What::Failover { .. } | What::Recoveries { .. } => {
            late = Vec::new();
        }
    }
    let again = async |world: &Arc<World>, units: &[Unit]| {
        units::again(world, units.to_vec(), AGAIN_JOBS, until, &state).await?;
        Ok(Vec::new())
    };
    servers.over(&late, again).await?;
    let well = !all
        || recoveries(&args, &runner, &state, RECOVERIES).await?
            && failover(&args, &runner, &state, WEATHER).await?
            && judge_mutants(&runner).await?;
    print!("{}", tally());
    let violations = state.lock().unwrap_or_else(PoisonError::into_inner).violations();
    Ok(violations == 0 && well)
}

/// The servers of the rounds that need no set of three: `MONGODB_URI`, or one after the other.
struct Servers<'a> {
    args: &'a Args,
    runner: &'a Path,
    state: &'a Mutex<State>,
    until: Option<Instant>,
}

impl Servers<'_> {
    /// Gives some of the units at a time to `run`, each time with a server of its own. A server on which a
    /// round went wrong is left running.
    async fn over(
        &self,
        units: &[Unit],
        run: impl AsyncFn(&Arc<World>, &[Unit]) -> Result<Vec<Unit>, Failure>,
    ) -> Result<Vec<Unit>, Failure> {
        let violations = || self.state.lock().unwrap_or_else(PoisonError::into_inner).violations();
        let mut left = Vec::new();
        for units in units.chunks(ROUNDS_MAX) {
            if self.until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
            let before = violations();
            let (server, world) = self.start().await?;
            left.extend(run(&world, units).await?);
            if let (Some(server), true) = (server, violations() == before) {
                server.stop().await;
            }
        }
        Ok(left)
    }

    /// The units that a server's answers decide about.
    async fn list(
        &self,
        units: impl AsyncFn(&World) -> Result<Vec<Unit>, Failure>,
    ) -> Result<Vec<Unit>, Failure> {
        let (server, world) = self.start().await?;
        let units = units(&world).await?;
        if let Some(server) = server {
            server.stop().await;
        }
        Ok(units)
    }

    async fn start(&self) -> Result<(Option<Embedded>, Arc<World>), Failure> {
        let lease = Duration::from_millis(self.args.lease_ms);
        let world = async |uri: &str| World::new(uri, self.runner.into(), lease).await;
        if let Ok(uri) = std::env::var("MONGODB_URI") {
            return Ok((None, Arc::new(world(&uri).await?)));
        }
        let builder = Embedded::builder().test_commands().quiet(true);
        let builder = match &self.args.data_dir {
            Some(path) => builder.data_dir(path),
            None => builder.private(),
        };
        let server = builder.start().await?;
        let world = world(server.uri()).await?;
        Ok((Some(server), Arc::new(world)))
    }
}

/// Runs rounds, a few at a time, while the weather does what it is told.
async fn failover(
    args: &Args,
    runner: &Path,
    state: &Arc<Mutex<State>>,
    wanted: [u64; 3],
) -> Result<bool, Failure> {
    let set = Set::start().await?;
    let mut world = World::new(set.server.uri(), runner.into(), LEASE_OF_A_SET).await?;
    // One change of primary follows the other: no single one can be timed here.
    world.election = Duration::from_secs(60);
    let world = Arc::new(world);
    let over = Arc::new(AtomicBool::new(false));
    let rounds = tokio::spawn({
        let (world, state, over) = (Arc::clone(&world), Arc::clone(state), Arc::clone(&over));
        let (jobs, seed) = (args.jobs, args.seed);
        async move {
            // Those that an earlier run did are left out again.
            let mut round = seed * 1_000_000;
            let mut void = 0;
            while !over.load(Ordering::Relaxed) {
                let next = round + 200;
                let units = (round..next).map(|seed| match seed % 3 {
                    0 => Unit::Random { runners: 2, seed },
                    _ => Unit::Storm { seed },
                });
                let left = units::run_until(&world, units.collect(), jobs, &over, &state).await?;
                void += left.len();
                round = next;
            }
            println!("{void} rounds do not count: no majority for 20 s, or no lease for as long");
            Ok::<(), mongrate::mongodb::error::Error>(())
        }
    });
    let until = args.minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    const KINDS: [&str; 3] = ["primary/stepdown", "primary/kill", "primary/freeze"];
    let before = {
        let known = state.lock().unwrap_or_else(PoisonError::into_inner);
        KINDS.map(|kind| known.count(kind))
    };
    let mut done = before;
    let mut longest = [Duration::ZERO; 3];
    let mut rng = fastrand::Rng::with_seed(args.seed);
    let mut told = Instant::now();
    let unfinished = |done: &[u64; 3]| done.iter().zip(&wanted).any(|(done, wanted)| done < wanted);
    while unfinished(&done)
        && until.is_none_or(|until| Instant::now() < until)
        && !rounds.is_finished()
    {
        let left: u64 = (0..3).map(|kind| wanted[kind].saturating_sub(done[kind])).sum();
        let mut pick = rng.u64(0..left);
        let kind = (0..3).find(|&kind| {
            let of_kind = wanted[kind].saturating_sub(done[kind]);
            let found = pick < of_kind;
            pick = pick.saturating_sub(of_kind);
            found
        });
        let Some(kind) = kind else { break };
        tokio::time::sleep(Duration::from_millis(rng.u64(200..900))).await;
        let election = match kind {
            0 => set.step_down().await?,
            1 => set.kill_primary().await?,
            _ => set.freeze_primary().await?,
        };
        done[kind] += 1;
        let outcome = Outcome {
            struck: 1,
            recovery_ms: u64::try_from(election.as_millis()).unwrap_or(u64::MAX),
            ..Outcome::default()
        };
        let id = format!("{}/{}", KINDS[kind], done[kind]);
        let mut known = state.lock().unwrap_or_else(PoisonError::into_inner);
        known.add(Done { id, alone: false, outcome });
        drop(known);
        longest[kind] = longest[kind].max(election);
        if told.elapsed() > Duration::from_secs(30) {
            told = Instant::now();
            println!(
                "{} stepdowns, {} kills, {} freezes of the primary",
                done[0], done[1], done[2]
            );
        }
    }
    over.store(true, Ordering::Relaxed);
    rounds.await??;
    println!("{} stepdowns, {} kills, {} freezes of the primary", done[0], done[1], done[2]);
    println!("longest elections: {longest:?}");
    let violations = state.lock().unwrap_or_else(PoisonError::into_inner).violations();
    set.stop().await;
    Ok(violations == 0)
}

/// One round after the other: each is timed.
async fn recoveries(
    args: &Args,
    runner: &Path,
    state: &Arc<Mutex<State>>,
    wanted: [u64; 2],
) -> Result<bool, Failure> {
    let set = Set::start().await?;
    let mut world = World::new(set.server.uri(), runner.into(), LEASE_OF_A_SET).await?;
    // By the round itself, which knows how long its election took.
    world.timed = false;
    let until = args.minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let kinds = [(Fall::Kill, "recovery/kill"), (Fall::StepDown, "recovery/stepdown")];
    for ((fall, kind), wanted) in kinds.into_iter().zip(wanted) {
        for number in 1..=wanted {
            let id = format!("{kind}/{number}");
            let known = state.lock().unwrap_or_else(PoisonError::into_inner).get(&id).is_some();
            if known || until.is_some_and(|until| Instant::now() >= until) {
                continue;
            }
            let seed = args.seed * 1_000_000 + number;
            let (outcome, election) = recovery::round(&world, &set, fall, seed).await?;
            println!(
                "{id}: done after {} ms, an election of {} ms among them",
                outcome.recovery_ms,
                election.as_millis()
            );
            if !outcome.wrong.is_empty() {
                println!("VIOLATION {id} in {:?}: {:#?}", outcome.kept, outcome.wrong);
            }
            let mut known = state.lock().unwrap_or_else(PoisonError::into_inner);
            known.add(Done { id, alone: true, outcome });
        }
    }
    let violations = state.lock().unwrap_or_else(PoisonError::into_inner).violations();
    set.stop().await;
    Ok(violations == 0)
}

async fn judge_mutants(runner: &Path) -> Result<bool, Failure> {
    let mutant = mutants::build(Within::ThisPackage)?;
    let mut verdicts = Vec::new();
    for nodes in [1, 3] {
        let server = Embedded::builder().test_commands().private().nodes(nodes).start().await?;
        // One after the other: each is timed.
        verdicts.extend(mutants::judge(&server, LEASE, (runner, &mutant), 1).await?);
        server.stop().await;
    }
    let left = mutants::survivors(&verdicts);
    for one in &left {
        println!("SURVIVES {one}");
    }
    let caught = MUTANTS.iter().filter(|name| {
        verdicts.iter().any(|verdict| verdict.mutant == Some(name) && !verdict.wrong.is_empty())
    });
    println!("{} of {} mutants caught", caught.count(), MUTANTS.len());
    Ok(left.is_empty())
}

fn part(units: Vec<Unit>, args: &Args) -> Result<Vec<Unit>, Failure> {
    let wrong = || format!("`{}` is not a part like `2/4`", args.part);
    let (this, of) = args.part.split_once('/').ok_or_else(wrong)?;
    let (this, of): (usize, usize) = (this.parse()?, of.parse()?);
    if this == 0 || this > of {
        return Err(wrong().into());
    }
    let mine = units.into_iter().enumerate().filter(|(at, _)| at % of == this - 1);
    Ok(mine.map(|(_, unit)| unit).collect())
}

async fn singles(world: &World) -> Result<Vec<Unit>, Failure> {
    let mut units = Vec::new();
    for history in History::ALL.map(|history| history.name).into_iter().chain(History::PLANNED) {
        for verb in [Verb::Up, Verb::Down] {
            let commands = world.commands(history, verb, Count::All).await?;
            println!("{history} {}: {commands} commands", verb.as_str());
            let points = Point::all(commands);
            units.extend(points.map(|point| Unit::Single {
                history,
                verb,
                count: Count::All,
                point,
            }));
        }
    }
    for history in History::APART {
        let (verb, count) = (Verb::Only, Count::All);
        let commands = world.commands(history, verb, count).await?;
        println!("{history} only: {commands} commands");
        let points = Point::all(commands);
        units.extend(points.map(|point| Unit::Single { history, verb, count, point }));
    }
    for history in History::YEARS {
        let (verb, count) = (Verb::Up, Count::All);
        let commands = world.commands(history, verb, count).await?;
        println!("{history} up: {commands} commands");
        let points = Point::all(commands);
        units.extend(points.map(|point| Unit::Single { history, verb, count, point }));
    }
    for verb in [Verb::Up, Verb::Down] {
        let count = Count::Heartbeats;
        let commands = world.commands("slow", verb, count).await?;
        println!("slow {}: {commands} heartbeats", verb.as_str());
        let points = Point::all(commands);
        units.extend(points.map(|point| Unit::Single { history: "slow", verb, count, point }));
    }
    Ok(units)
}

fn random(runners: u32, rounds: u64, seed: u64) -> Vec<Unit> {
    let seeds = (0..rounds).map(|round| seed * 1_000_000 + round);
    seeds.map(|seed| Unit::Random { runners, seed }).collect()
}

async fn network(world: &World) -> Result<Vec<Unit>, Failure> {
    let mut units = Vec::new();
    for history in History::ALL.map(|history| history.name) {
        for verb in [Verb::Up, Verb::Down] {
            let commands = world.commands(history, verb, Count::All).await?;
            for at in 1..=commands {
                for fault in 0..FAULTS.len() {
                    units.push(Unit::Network { history, verb, at, fault });
                }
            }
        }
    }
    Ok(units)
}

async fn steered(world: &World) -> Result<Vec<Unit>, Failure> {
    let mut units = Vec::new();
    for history in History::ALL.map(|history| history.name) {
        for verb in [Verb::Up, Verb::Down] {
            let commands = world.commands(history, verb, Count::All).await?;
            for ask in [Ask::Pause, Ask::Cancel] {
                let points = Point::all(commands);
                units.extend(points.map(|point| Unit::Steered { history, verb, point, ask }));
            }
        }
    }
    Ok(units)
}

/// The second runner of a pair has as many points as it sent commands after the first one's.
fn pairs(state: &State, only: Option<&str>, seed: u64) -> Vec<Unit> {
    let mut units = Vec::new();
    for history in History::ALL.map(|history| history.name) {
        if only.is_some_and(|only| only != history) {
            continue;
        }
        for verb in [Verb::Up, Verb::Down] {
            for first in Point::all(COMMANDS_MAX) {
                let count = Count::All;
                let single = Unit::Single { history, verb, count, point: first };
                // Not known: it is to be looked at again.
                let Some(done) = state.get(&single.id()) else { continue };
                for second in Point::all(done.outcome.second) {
                    units.push(Unit::Pair { history, verb, points: (first, second) });
                }
            }
        }
    }
    fastrand::Rng::with_seed(seed).shuffle(&mut units);
    units
}
