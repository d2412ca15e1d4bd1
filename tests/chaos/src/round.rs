//! One round: a database, runners that break, a last one that does not, and the verdict.

use std::{
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use mongrate::{
    Migrator, PlanFile,
    bson::{Document, Timestamp, doc},
    mongodb::{
        Client, Database, IndexModel,
        error::{Error, ErrorKind},
        options::{ClientOptions, ServerAddress},
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    check::{Check, Goal, all},
    child::{Next, Orders, Runner},
    history::{EFFECTS, History, LOG, ROWS, Rows, THINGS},
    planned,
    point::{Blow, Count, Point},
};

/// What the specification grants beyond the lease.
pub const GRACE: Duration = Duration::from_secs(2);

/// How long a node of a set is waited for before a round.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// The two directions of a run.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Applies everything.
    Up,
    /// Rolls everything back.
    Down,
    /// Rolls the second migration back, alone.
    Only,
}

impl Verb {
    /// As the runner takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Only => "only",
        }
    }

    fn goal(self) -> Goal {
        match self {
            Self::Up => Goal::Up,
            Self::Down => Goal::Down,
            Self::Only => Goal::Only,
        }
    }

    /// Whether it works on what is applied.
    fn is_back(self) -> bool {
        matches!(self, Self::Down | Self::Only)
    }
}

/// Where rounds take place, and with which program.
#[derive(Debug)]
pub struct World {
    /// The server.
    pub uri: String,
    /// A client of it for the coordinator.
    pub client: Client,
    /// The runner program.
    pub exe: PathBuf,
    /// Its mutation, if it is the broken one.
    pub mutant: Option<String>,
    /// The lease of every runner.
    pub lease: Duration,
    /// What is added to the time that recovery may take: an election.
    pub election: Duration,
    /// How long anything may take before it counts as stuck.
    pub patience: Duration,
    /// Whether a late recovery is a violation.
    pub timed: bool,
    /// Whether a database is kept when its round failed.
    pub keep: bool,
    prefix: String,
    next: AtomicU64,
    turns: AtomicU64,
    /// Databases of rounds that went well, emptied: creating collections is what costs most.
    used: Mutex<Vec<Database>>,
    /// A client of each node, if there are several.
    nodes: Vec<Client>,
    template: tokio::sync::Mutex<()>,
}

/// The outcome of a round.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// What was wrong; empty when nothing was.
    pub wrong: Vec<String>,
    /// How many blows were struck at the points asked for.
    pub struck: u32,
    /// A point was not reached: on a busy machine a lease may run out before.
    pub missed: bool,
    /// A runner lost its lease again and again, though nothing broke it: the machine stalls
    /// for longer than it lasts. Or a set of three had no majority for 20 s. To be looked at
    /// again.
    #[serde(default)]
    pub stalled: bool,
    /// A dead owner's lease had to run out; otherwise its lock was taken over at once. Every
    /// other round is so, and those of mutants.
    #[serde(default)]
    pub lease_only: bool,
    /// The commands that were struck.
    pub commands: Vec<String>,
    /// How many commands the second runner sent, from its acquisition on.
    pub second: u32,
    /// How long after the last blow everything was done, in ms.
    pub recovery_ms: u64,
    /// Recovery took longer than promised. On a busy machine the round has to be repeated alone.
    pub late: bool,
    /// Something went on although it was paused. On a machine that stalls the pause may not have been
    /// known: to be looked at again.
    #[serde(default)]
    pub unsteady: bool,
    /// The database, if it was kept.
    pub kept: Option<String>,
}

impl Outcome {
    /// Whether the round says nothing: it was late, missed its point, or its machine stalled.
    /// What a stall cannot do, as an effect that is there twice, counts all the same.
    pub fn is_void(&self) -> bool {
        let unfinished = ["pending", "stuck: a final run", "history", "indexes", "lock"];
        let grave = |wrong: &String| {
            !wrong.ends_with("is missing") && !unfinished.iter().any(|name| wrong.starts_with(name))
        };
        if self.stalled {
            return !self.wrong.iter().any(grave);
        }
        (self.late || self.missed || self.unsteady) && self.wrong.is_empty()
    }
}

/// A round under way.
#[derive(Debug)]
pub struct Ground<'w> {
    world: &'w World,
    /// Its database.
    pub db: Database,
    history: History,
    verb: Verb,
    since: Timestamp,
    /// The outcome so far.
    pub outcome: Outcome,
    indexes: bool,
    used: bool,
    /// The plan that the runners have to run.
    plan: Option<PlanFile>,
}

impl World {
    /// Connects.
    ///
    /// # Errors
    ///
    /// When the URI is none.
    pub async fn new(uri: &str, exe: PathBuf, lease: Duration) -> Result<Self, Error> {
        let mut options = ClientOptions::parse(uri).await?;
        options.app_name = Some("mongrate-chaos".to_owned());
        options.server_selection_timeout = Some(Duration::from_secs(60));
        // Several worlds may begin in one millisecond.
        static WORLDS: AtomicU64 = AtomicU64::new(0);
        let world = WORLDS.fetch_add(1, Ordering::Relaxed);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nodes = match options.hosts.len() {
            0 | 1 => Vec::new(),
            _ => {
                options.hosts.iter().map(|host| alone(&options, host)).collect::<Result<_, _>>()?
            }
        };
        let client = Client::with_options(options)?;
        // The files of what is dropped stay open for so long, by default for 300 s: with some
        // rounds a second, more than a process may have. Servers before 5.0 have no such setting.
        let soon = doc! { "setParameter": 1, "minSnapshotHistoryWindowInSeconds": 5 };
        let _ = client.database("admin").run_command(soon).await;
        Ok(Self {
            uri: uri.to_owned(),
            client,
            exe,
            mutant: None,
            lease,
            election: Duration::ZERO,
            patience: Duration::from_secs(100),
            keep: true,
            prefix: format!("chaos_{:x}_{world}", now.unwrap_or_default().as_millis()),
            next: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            used: Mutex::new(Vec::new()),
            nodes,
            template: tokio::sync::Mutex::new(()),
            timed: true,
        })
    }

    /// A database that no other round uses, in the state from which the verb starts. With
    /// `used`, the collections may be there already, empty.
    ///
    /// # Errors
    ///
    /// When the server cannot be used.
    pub async fn ground(&self, history: &str, verb: Verb, used: bool) -> Result<Ground<'_>, Error> {
        let history = History::named(history).expect("a history of this suite");
        let found = if used { self.used().pop() } else { None };
        let db = found.unwrap_or_else(|| {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            self.client.database(&format!("{}_{number}", self.prefix))
        });
        let since = now(&db).await?;
        if history.rows != Rows::None {
            db.collection::<Document>(ROWS).insert_many(history.rows.seed()).await?;
        }
        let before = (history.before)();
        if !before.is_empty() {
            Migrator::with(&db, before).up().await.expect("an undisturbed run");
        }
        if verb.is_back() {
            self.start_applied(&db, &history).await?;
        }
        let plan = match History::PLANNED.contains(&history.name) {
            true => Some(planned::plan(&db, &history, verb.is_back()).await),
            false => None,
        };
        self.settle(now(&db).await?, db.name()).await;
        let lease_only =
            self.mutant.is_some() || self.turns.fetch_add(1, Ordering::Relaxed) % 2 == 1;
        let outcome = Outcome { lease_only, ..Outcome::default() };
        // A rollback leaves collections of its own.
        let used = used && history.rows == Rows::None;
        Ok(Ground { world: self, db, history, verb, since, outcome, indexes: true, used, plan })
    }

    fn used(&self) -> std::sync::MutexGuard<'_, Vec<Database>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until every node knows that a majority has what was prepared. One that does not, and
    /// is elected, answers a majority read for a moment with the state before that, which here is
    /// the one of another round.
    async fn settle(&self, since: Timestamp, database: &str) {
        let nodes = self.nodes.iter().map(|node| async move {
            let read = doc! {
                "find": "migrations", "limit": 1, "maxTimeMS": 1_000,
                "readConcern": { "level": "majority", "afterClusterTime": since },
            };
            let begun = Instant::now();
            // One that is down or frozen catches up before it is elected.
            while begun.elapsed() < SETTLE_MAX
                && node.database(database).run_command(read.clone()).await.is_err()
            {
                tokio::time::sleep(SETTLE_MAX / 40).await;
            }
        });
        futures_util::future::join_all(nodes).await;
    }

    /// Copies what an `up` leaves, where that is cheaper than running it each time.
    async fn start_applied(&self, db: &Database, history: &History) -> Result<(), Error> {
        if history.rows != Rows::None {
            let migrator = Migrator::with(db, (history.migrations)());
            migrator.up().await.expect("an undisturbed run");
            return Ok(());
        }
        let template = self.client.database(&format!("{}_{}", self.prefix, history.name));
        // One makes it, whole, before anybody copies it.
        let making = self.template.lock().await;
        if all(&template, EFFECTS).await?.is_empty() {
            let name = format!("{}_{}", db.name(), history.name);
            let scratch = self.client.database(&name);
            let migrator = Migrator::with(&scratch, (history.migrations)());
            let migrator = migrator.keep_audit_log(history.audited);
            migrator.up().await.expect("an undisturbed run");
            for collection in collections(history) {
                let documents = all(&scratch, collection).await?;
                template.collection::<Document>(collection).insert_many(documents).await?;
            }
            scratch.drop().await?;
        }
        drop(making);
        for collection in collections(history) {
            let documents = all(&template, collection).await?;
            db.collection::<Document>(collection).insert_many(documents).await?;
        }
        for name in history.indexes {
            let key = name.trim_end_matches("_1");
            let model = IndexModel::builder().keys(doc! { key: 1 }).build();
            db.collection::<Document>(THINGS).create_index(model).await?;
        }
        Ok(())
    }

    /// Counts the commands of an undisturbed run.
    ///
    /// # Errors
    ///
    /// When the server cannot be used.
    pub async fn commands(&self, history: &str, verb: Verb, count: Count) -> Result<u32, Error> {
        let mut wrong = Vec::new();
        // A busy machine disturbs, too: with so short a lease a stall loses it.
        for _ in 0..10 {
            let mut ground = self.ground(history, verb, false).await?;
            let mut runner = ground.start(None, count);
            let next = runner.next(self.patience).await;
            let commands = match &next {
                Next::Ended(end) => end.commands,
                _ => 0,
            };
            ground.well("the first", next);
            wrong = ground.verdict().await?.wrong;
            if wrong.is_empty() {
                return Ok(commands);
            }
        }
        panic!("an undisturbed run: {wrong:?}");
    }

    /// Runs one runner that breaks at the point, and one that finishes.
    ///
    /// # Errors
    ///
    /// When the server cannot be used.
    pub async fn single(
        &self,
        history: &str,
        verb: Verb,
        count: Count,
        point: Point,
    ) -> Result<Outcome, Error> {
        let mut ground = self.ground(history, verb, false).await?;
        let mut first = ground.start(Some(point), count);
        let blow = ground.blow("the first", &mut first, point).await;
        ground.finish(blow.unwrap_or_else(Instant::now)).await;
        if point.blow == Blow::Stop && blow.is_some() {
            first.thaw();
            let ended = first.next(self.patience).await;
            ground.well_or_replaced("the first, gone on", ended);
        }
        ground.verdict().await
    }

    /// Two runners that break, each at a point of its own, and one that finishes. The second
    /// one's point counts from its acquisition on.
    ///
    /// # Errors
    ///
    /// When the server cannot be used.
    pub async fn pair(
        &self,
        history: &str,
        verb: Verb,
        points: (Point, Point),
    ) -> Result<Outcome, Error> {
        let mut ground = self.ground(history, verb, true).await?;
        let mut first = ground.start(Some(points.0), Count::All);
        let before = ground.blow("the first", &mut first, points.0).await;
        let mut second = ground.start(Some(points.1), Count::Acquired);
        let blow = ground.blow("the second", &mut second, points.1).await;
        let stopped = |point: Point| point.blow == Blow::Stop;
        if stopped(points.0) && before.is_some() {
            // It resumes while the lease of the second runner still runs.
            first.thaw();
            let ended = first.next(self.patience).await;
            ground.well_or_replaced("the first, gone on", ended);
        }
        ground.finish(blow.unwrap_or_else(Instant::now)).await;
        if stopped(points.1) && blow.is_some() {
            second.thaw();
            let ended = second.next(self.patience).await;
            ground.well_or_replaced("the second, gone on", ended);
        }
        ground.verdict().await
    }
}

impl Ground<'_> {
    /// The orders of a runner of this round.
    pub fn orders(&self, point: Option<Point>, count: Count) -> Orders {
        Orders {
            exe: self.world.exe.clone(),
            mutant: self.world.mutant.clone(),
            uri: self.world.uri.clone(),
            database: self.db.name().to_owned(),
            history: self.history.name.to_owned(),
            verb: self.verb.as_str().to_owned(),
            lease: self.world.lease,
            lease_only: self.outcome.lease_only,
            point,
            count,
            env: self.plan.iter().map(|plan| ("CHAOS_PLAN".to_owned(), plan.to_json())).collect(),
        }
    }

    /// Starts a runner.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    pub fn start(&self, point: Option<Point>, count: Count) -> Runner {
        Runner::start(&self.orders(point, count)).expect("a runner process")
    }

    /// Notes something wrong.
    pub fn wrong(&mut self, what: impl Into<String>) {
        self.outcome.wrong.push(what.into());
    }

    /// The indexes do not count: a frozen process may send DDL late.
    pub fn ignore_indexes(&mut self) {
        self.indexes = false;
    }

    /// Waits for a runner to break at its point. `None`: it did not; noted, if that is wrong.
    pub async fn blow(&mut self, who: &str, runner: &mut Runner, point: Point) -> Option<Instant> {
        match runner.next(self.world.patience).await {
            Next::Struck(at) => {
                self.struck(&at);
                Some(Instant::now())
            }
            Next::Ended(end) => {
                let kind = end.error.as_ref().map_or("well", |(kind, _)| kind);
                let sent = end.commands;
                let missed = format!("{who} has no point {point}: it sent {sent}, ended: {kind}");
                self.well_or_replaced(who, Next::Ended(end));
                self.outcome.commands.push(missed);
                self.outcome.missed = true;
                None
            }
            other => {
                self.well(who, other);
                None
            }
        }
    }

    /// Notes a blow.
    pub fn struck(&mut self, at: &str) {
        self.outcome.struck += 1;
        let command = at.rsplit(' ').next().unwrap_or_default();
        // DDL that is on its way when its process freezes goes out when it thaws.
        let ddl = matches!(
            command,
            "createIndexes" | "dropIndexes" | "create" | "drop" | "renameCollection" | "collMod"
        );
        if ddl && at.contains(":before:stop") {
            self.indexes = false;
        }
        self.outcome.commands.push(at.to_owned());
    }

    /// An undamaged runner, which must finish in time.
    pub async fn finish(&mut self, since: Instant) {
        for turn in 0..=10 {
            let mut last = self.start(None, Count::Acquired);
            let next = last.next(self.world.patience).await;
            if let Next::Ended(end) = &next {
                if turn == 0 {
                    self.outcome.second = end.commands;
                }
                // A rollback goes no further than it was asked to once it was replaced, which
                // a busy machine may do to it.
                let lost = end.error.as_ref().is_some_and(|(kind, _)| kind == "lock-lost");
                if lost && turn < 10 && self.verb.is_back() {
                    continue;
                }
            }
            self.well("the last", next);
            break;
        }
        let took = since.elapsed();
        self.outcome.recovery_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.outcome.late =
            self.world.timed && took > self.world.lease + self.world.election + GRACE;
    }

    /// Insists that a runner ended without an error.
    pub fn well(&mut self, who: &str, next: Next) {
        match next {
            // It gives up after ten times, which takes a machine that stalls all the time.
            Next::Ended(end) if end.error.as_ref().is_some_and(|(kind, _)| kind == "lock-lost") => {
                self.outcome.stalled = true;
            }
            // It says that a majority of the set does not keep up: the weather's doing. What it
            // has done by then counts.
            Next::Ended(end)
                if !self.world.nodes.is_empty()
                    && end.error.as_ref().is_some_and(|(kind, _)| kind == "unavailable") =>
            {
                self.outcome.stalled = true;
            }
            Next::Ended(end) => {
                if let Some((_, error)) = end.error {
                    self.wrong(format!("{who} failed: {error}"));
                }
            }
            Next::Struck(at) => self.wrong(format!("{who} broke at {at}, where it should not")),
            Next::Broke(how) => self.wrong(format!("{who} broke: {how}")),
            Next::Stuck => self.wrong(format!("stuck: {who} did not end")),
        }
    }

    /// Insists that a runner ended; if with an error, then because it was replaced.
    pub fn well_or_replaced(&mut self, who: &str, next: Next) {
        match &next {
            Next::Ended(end)
                if self.verb.is_back()
                    && end.error.as_ref().is_some_and(|(kind, _)| kind == "lock-lost") => {}
            _ => self.well(who, next),
        }
    }

    /// Looks at the database.
    ///
    /// # Errors
    ///
    /// When the server cannot be read.
    pub async fn verdict(self) -> Result<Outcome, Error> {
        let Self { world, db, history, verb, since, mut outcome, indexes, used, plan } = self;
        let (goal, lease) = (verb.goal(), world.lease);
        let check = Check { db: &db, history: &history, goal, lease, since, indexes };
        outcome.wrong.extend(check.run().await?);
        if let Some(plan) = plan {
            outcome.wrong.extend(planned::unplanned(&db, &history, &plan).await);
        }
        if world.keep && !outcome.wrong.is_empty() {
            outcome.kept = Some(db.name().to_owned());
        } else if used && outcome.wrong.is_empty() {
            empty(&db).await?;
            world.used().push(db);
        } else {
            db.drop().await?;
        }
        Ok(outcome)
    }
}

/// The collections that an `up` fills, beside [`ROWS`].
fn collections(history: &History) -> Vec<&'static str> {
    let log = history.audited.then_some(LOG);
    ["migrations", EFFECTS].into_iter().chain(log).collect()
}

/// A client that talks to this node only, whatever it is.
fn alone(options: &ClientOptions, host: &ServerAddress) -> Result<Client, Error> {
    let mut options = options.clone();
    options.hosts = vec![host.clone()];
    options.direct_connection = Some(true);
    options.repl_set_name = None;
    options.server_selection_timeout = Some(SETTLE_MAX);
    Client::with_options(options)
}

/// Takes everything out of a round's database but the collections.
async fn empty(db: &Database) -> Result<(), Error> {
    for collection in ["migrations", EFFECTS, LOG] {
        db.collection::<Document>(collection).delete_many(doc! {}).await?;
    }
    match db.run_command(doc! { "dropIndexes": THINGS, "index": "*" }).await {
        // NamespaceNotFound.
        Err(error) if matches!(&*error.kind, ErrorKind::Command(one) if one.code == 26) => Ok(()),
        ended => ended.map(drop),
    }
}

/// The server's time of operation.
async fn now(db: &Database) -> Result<Timestamp, Error> {
    let reply = db.run_command(doc! { "ping": 1 }).await?;
    Ok(reply.get_timestamp("operationTime").unwrap_or(Timestamp { time: 0, increment: 0 }))
}
