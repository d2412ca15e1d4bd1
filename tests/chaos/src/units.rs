//! Many rounds at once: what is to be done, what was done before, and the tally.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use mongrate::mongodb::error::Error;
use serde::{Deserialize, Serialize};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    network::{self, FAULTS},
    point::{Count, Point},
    random,
    round::{Outcome, Verb, World},
    steered::{self, Ask},
};

/// One round to be run.
#[derive(Clone, Debug)]
pub enum Unit {
    /// One runner breaks.
    Single {
        /// The history's name.
        history: &'static str,
        /// The direction.
        verb: Verb,
        /// What is counted.
        count: Count,
        /// Where.
        point: Point,
    },
    /// Two break.
    Pair {
        /// The history's name.
        history: &'static str,
        /// The direction.
        verb: Verb,
        /// Where.
        points: (Point, Point),
    },
    /// Nothing breaks but the servers: two runners at once, through a change of primary.
    Storm {
        /// What decides everything.
        seed: u64,
    },
    /// The network fails one.
    Network {
        /// The history's name.
        history: &'static str,
        /// The direction.
        verb: Verb,
        /// At which command.
        at: u32,
        /// The index of the fault in [`FAULTS`].
        fault: usize,
    },
    /// An operator pauses or cancels one that breaks.
    Steered {
        /// The history's name.
        history: &'static str,
        /// The direction.
        verb: Verb,
        /// Where it breaks, and the operator asks.
        point: Point,
        /// For what.
        ask: Ask,
    },
    /// Many at random.
    Random {
        /// How many runners.
        runners: u32,
        /// What decides everything.
        seed: u64,
    },
}

impl Unit {
    /// Its name in the state file, from which it can be run again.
    pub fn id(&self) -> String {
        match self {
            Self::Single { history, verb, count: Count::Heartbeats, point } => {
                format!("heartbeat/{history}/{}/{point}", verb.as_str())
            }
            Self::Single { history, verb, point, .. } => {
                format!("single/{history}/{}/{point}", verb.as_str())
            }
            Self::Pair { history, verb, points: (first, second) } => {
                format!("pair/{history}/{}/{first}/{second}", verb.as_str())
            }
            Self::Network { history, verb, at, fault } => {
                let (fault, _) = FAULTS[*fault];
                format!("network/{history}/{}/{at}/{fault}", verb.as_str())
            }
            Self::Steered { history, verb, point, ask } => {
                format!("steered/{history}/{}/{point}/{}", verb.as_str(), ask.as_str())
            }
            Self::Storm { seed } => format!("storm/{seed}"),
            Self::Random { runners, seed } => format!("random/{runners}/{seed}"),
        }
    }

    /// Runs it.
    ///
    /// # Errors
    ///
    /// When the server cannot be used.
    pub async fn run(&self, world: &World) -> Result<Outcome, Error> {
        match self {
            Self::Single { history, verb, count, point } => {
                world.single(history, *verb, *count, *point).await
            }
            Self::Pair { history, verb, points } => world.pair(history, *verb, *points).await,
            Self::Network { history, verb, at, fault } => {
                network::round(world, history, *verb, *at, FAULTS[*fault].1).await
            }
            Self::Steered { history, verb, point, ask } => {
                steered::round(world, history, *verb, *point, *ask).await
            }
            Self::Storm { seed } => random::calm(world, *seed).await,
            Self::Random { runners, seed } => random::round(world, *runners, *seed).await,
        }
    }
}

/// A line of the state file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Done {
    /// The unit.
    pub id: String,
    /// Late at first, or its point not reached, on a busy machine: this is of a run alone.
    #[serde(default)]
    pub alone: bool,
    /// The outcome.
    pub outcome: Outcome,
}

/// What was done, in memory and in a file from which a later run resumes.
#[derive(Debug)]
pub struct State {
    file: Option<File>,
    done: HashMap<String, Done>,
}

impl State {
    /// Reads what an earlier run did; a line that was cut off is as if it were not there.
    ///
    /// # Errors
    ///
    /// When the file cannot be used.
    pub fn open(path: Option<&Path>) -> std::io::Result<Self> {
        let mut done = HashMap::new();
        let Some(path) = path else { return Ok(Self { file: None, done }) };
        if let Ok(file) = File::open(path) {
            for line in BufReader::new(file).lines() {
                if let Ok(unit) = serde_json::from_str::<Done>(&line?) {
                    done.insert(unit.id.clone(), unit);
                }
            }
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file: Some(file), done })
    }

    /// Adds the outcome of a unit.
    pub fn add(&mut self, unit: Done) {
        if let Some(file) = &mut self.file {
            let line = serde_json::to_string(&unit).unwrap_or_default();
            let _ = writeln!(file, "{line}");
        }
        self.done.insert(unit.id.clone(), unit);
    }

    /// Returns the outcome of a unit, if it was run.
    pub fn get(&self, id: &str) -> Option<&Done> {
        self.done.get(id)
    }

    /// Those of the units that were not run yet.
    pub fn unknown(&self, units: Vec<Unit>) -> Vec<Unit> {
        units.into_iter().filter(|unit| self.get(&unit.id()).is_none()).collect()
    }

    /// Counts the units whose ids begin with this.
    pub fn count(&self, prefix: &str) -> u64 {
        self.done.keys().filter(|id| id.starts_with(prefix)).count() as u64
    }

    /// The tally, a line for each kind of unit.
    pub fn tally(&self) -> String {
        let mut kinds: BTreeMap<String, Sum> = BTreeMap::new();
        for unit in self.done.values() {
            let mut parts = unit.id.split('/');
            let kind = match (parts.next(), parts.next()) {
                (Some("random"), Some(runners)) => format!("random, {runners} runners"),
                (Some(kind @ ("primary" | "recovery")), Some(what)) => format!("{kind} {what}"),
                (Some(kind), _) => kind.to_owned(),
                _ => continue,
            };
            let sum = kinds.entry(kind).or_default();
            sum.rounds += 1;
            sum.blows += u64::from(unit.outcome.struck);
            sum.wrong += u64::from(!unit.outcome.wrong.is_empty());
            sum.alone += u64::from(unit.alone);
            sum.recovery_ms = sum.recovery_ms.max(unit.outcome.recovery_ms);
        }
        let mut text = String::new();
        for (kind, sum) in kinds {
            let Sum { rounds, blows, wrong, alone, recovery_ms } = sum;
            text += &format!(
                "{kind:<20} {rounds:>7} rounds {blows:>7} blows {wrong:>4} violations  longest \
                 recovery {recovery_ms} ms ({alone} looked at alone)\n"
            );
        }
        text
    }

    /// Counts the rounds that found something wrong.
    pub fn violations(&self) -> usize {
        self.done.values().filter(|unit| !unit.outcome.wrong.is_empty()).count()
    }
}

#[derive(Default)]
struct Sum {
    rounds: u64,
    blows: u64,
    wrong: u64,
    alone: u64,
    recovery_ms: u64,
}

/// Runs a unit; again, if in an election the coordinator itself could not reach the server.
async fn tried(unit: &Unit, world: &World) -> Result<Outcome, Error> {
    let mut left = if world.election.is_zero() { 1 } else { 5 };
    loop {
        match unit.run(world).await {
            Err(error) if left > 0 => {
                println!("again, as the coordinator was cut off: {}: {error}", unit.id());
                left -= 1;
            }
            ended => return ended,
        }
    }
}

/// Runs what is not done yet, so many at a time, for at most so long. Gives back what was
/// late, or missed its point: for [`again`].
///
/// # Errors
///
/// When the server cannot be used.
pub async fn run(
    world: &Arc<World>,
    units: Vec<Unit>,
    jobs: usize,
    until: Option<Instant>,
    state: &Arc<Mutex<State>>,
) -> Result<Vec<Unit>, Error> {
    let over = || until.is_some_and(|until| Instant::now() >= until);
    run_while(world, units, jobs, &over, state).await
}

/// The same, until it is told to stop.
///
/// # Errors
///
/// When the server cannot be used.
pub async fn run_until(
    world: &Arc<World>,
    units: Vec<Unit>,
    jobs: usize,
    over: &AtomicBool,
    state: &Arc<Mutex<State>>,
) -> Result<Vec<Unit>, Error> {
    run_while(world, units, jobs, &|| over.load(Ordering::Relaxed), state).await
}

async fn run_while(
    world: &Arc<World>,
    units: Vec<Unit>,
    jobs: usize,
    over: &(dyn Fn() -> bool + Sync),
    state: &Arc<Mutex<State>>,
) -> Result<Vec<Unit>, Error> {
    let units = state.lock().unwrap_or_else(PoisonError::into_inner).unknown(units);
    let total = units.len();
    let places = Arc::new(Semaphore::new(jobs));
    let mut again = Vec::new();
    let begun = Instant::now();
    let mut told = Instant::now();
    let mut running = JoinSet::new();
    let mut finished = 0;
    for unit in units {
        if over() {
            break;
        }
        let place = Arc::clone(&places).acquire_owned().await.expect("never closed");
        let (world, state) = (Arc::clone(world), Arc::clone(state));
        running.spawn(async move {
            let _place = place;
            let outcome = tried(&unit, &world).await?;
            if outcome.is_void() {
                return Ok(Some(unit));
            }
            note(&state, &unit, false, outcome);
            Ok::<Option<Unit>, Error>(None)
        });
        while let Some(ended) = running.try_join_next() {
            again.extend(ended.expect("a round does not panic")?);
            finished += 1;
        }
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            let rate = f64::from(finished) / begun.elapsed().as_secs_f64();
            println!("{finished} of {total}, {rate:.1} a second");
        }
    }
    while let Some(ended) = running.join_next().await {
        again.extend(ended.expect("a round does not panic")?);
    }
    Ok(again)
}

/// Busy machines are late: what was, is looked at again, a few at a time, and has to be in
/// time then.
///
/// # Errors
///
/// When the server cannot be used.
pub async fn again(
    world: &Arc<World>,
    units: Vec<Unit>,
    jobs: usize,
    until: Option<Instant>,
    state: &Arc<Mutex<State>>,
) -> Result<(), Error> {
    if !units.is_empty() {
        println!("{} rounds that were late are looked at again", units.len());
    }
    let places = Arc::new(Semaphore::new(jobs));
    let mut running = JoinSet::new();
    for unit in units {
        if until.is_some_and(|until| Instant::now() >= until) {
            break;
        }
        let place = Arc::clone(&places).acquire_owned().await.expect("never closed");
        let (world, state) = (Arc::clone(world), Arc::clone(state));
        running.spawn(async move {
            let _place = place;
            let mut outcome = tried(&unit, &world).await?;
            for _ in 0..3 {
                if outcome.is_void() {
                    outcome = tried(&unit, &world).await?;
                }
            }
            if outcome.stalled {
                outcome.wrong.push("a runner lost its lease all the time".to_owned());
            }
            if outcome.unsteady {
                outcome.wrong.push("paused: it went on, on a quiet machine too".to_owned());
            }
            if outcome.late {
                let ms = outcome.recovery_ms;
                outcome.wrong.push(format!("recovery: took {ms} ms, on a quiet machine too"));
            }
            note(&state, &unit, true, outcome);
            Ok::<(), Error>(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.expect("a round does not panic")?;
    }
    Ok(())
}

fn note(state: &Mutex<State>, unit: &Unit, alone: bool, outcome: Outcome) {
    let id = unit.id();
    if !outcome.wrong.is_empty() {
        println!("VIOLATION {id} in {:?}: {:#?}", outcome.kept, outcome.wrong);
    }
    state.lock().unwrap_or_else(PoisonError::into_inner).add(Done { id, alone, outcome });
}
