//! Schedules: the interleavings that chance rarely finds, written down, one for each way to
//! get the protocol wrong. The true program passes all of them.

use std::time::{Duration, Instant};

use mongrate::{
    Migrator,
    bson::{Bson, Document, doc},
    embedded::Embedded,
    mongodb::{Client, error::Error},
};

use crate::{
    child::{Next, Orders, Runner},
    history::{BATCH, History, ROWS},
    network,
    point::{Blow, Count, Point, Side},
    proxy::{Fault, Proxy, Refusal, Rule},
    round::{Ground, Outcome, Verb, World},
    steered::{is_cancelled, knows, operator, still},
};

/// A schedule, and the mutants that it is there to catch.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Its name.
    pub name: &'static str,
    /// The values of `CHAOS_MUTANT` that must not pass it.
    pub catches: &'static [&'static str],
    /// Whether the schedule needs a replica set of three.
    pub three_nodes: bool,
}

/// All of them.
pub const ALL: [Schedule; 14] = [
    Schedule { name: "old_owner_that_does_not_know", catches: &["no-fence"], three_nodes: false },
    Schedule {
        name: "frozen_before_its_commit",
        catches: &["no-fence", "fence-only-read", "fence-no-op-set", "no-kill-sessions"],
        three_nodes: false,
    },
    Schedule { name: "killed_after_its_commit", catches: &["history-outside"], three_nodes: false },
    Schedule {
        name: "killed_before_its_commit_and_another_after_its_acquisition",
        catches: &["kill-previous-owner", "no-kill-sessions"],
        three_nodes: false,
    },
    Schedule {
        name: "killed_before_its_commit_without_killsessions",
        catches: &["does-not-wait"],
        three_nodes: false,
    },
    Schedule {
        name: "killed_with_its_guard_on_the_way",
        catches: &["guard-goes-on"],
        three_nodes: false,
    },
    Schedule {
        name: "thawed_between_two_ddl",
        catches: &["heartbeat-ignored"],
        three_nodes: false,
    },
    Schedule { name: "thawed_before_its_release", catches: &["release-any"], three_nodes: false },
    Schedule { name: "paused_and_killed", catches: &["forgets-pause"], three_nodes: false },
    Schedule {
        name: "cancelled_with_a_batch_at_work",
        catches: &["cancel-does-not-wait"],
        three_nodes: false,
    },
    Schedule {
        name: "killed_before_its_commit_with_an_audit_log",
        catches: &["audit-outside"],
        three_nodes: false,
    },
    Schedule { name: "cancelled_and_killed", catches: &["obeys-old-cancel"], three_nodes: false },
    Schedule {
        name: "acknowledged_and_failed_over",
        catches: &["fence-w1", "last-is-provisional"],
        three_nodes: true,
    },
    Schedule {
        name: "failed_over_before_its_release",
        catches: &["releases-blindly"],
        three_nodes: true,
    },
];

const fn at(at: u32, side: Side, blow: Blow) -> Point {
    Point { at, side, blow }
}

/// Runs one. `set` is the replica set, for the schedule that needs three nodes.
///
/// # Errors
///
/// When the server cannot be used.
pub async fn run(name: &str, world: &World, set: Option<&Embedded>) -> Result<Outcome, Error> {
    use {Blow::*, Side::*};
    let commit = Count::Only("commitTransaction");
    let up = Verb::Up;
    match name {
        "old_owner_that_does_not_know" => old_owner(world).await,
        "frozen_before_its_commit" => {
            world.single("transactional", up, commit, at(2, Before, Stop)).await
        }
        "killed_before_its_commit_with_an_audit_log" => {
            world.single("audited", up, commit, at(2, Before, Kill)).await
        }
        "killed_after_its_commit" => {
            world.single("transactional", up, commit, at(1, After, Kill)).await
        }
        "killed_before_its_commit_and_another_after_its_acquisition" => two_killed(world).await,
        "killed_before_its_commit_without_killsessions" => without_kill(world).await,
        "killed_with_its_guard_on_the_way" => late_guard(world).await,
        "thawed_between_two_ddl" => {
            let first = Count::Only("createIndexes");
            world.single("ddl", up, first, at(1, After, Stop)).await
        }
        "thawed_before_its_release" => release(world).await,
        "paused_and_killed" => paused_and_killed(world).await,
        "cancelled_with_a_batch_at_work" => cancelled_with_a_batch(world).await,
        "cancelled_and_killed" => cancelled_and_killed(world).await,
        "acknowledged_and_failed_over" => {
            failed_over(world, set.expect("three nodes for this one")).await
        }
        "failed_over_before_its_release" => {
            failed_over_before(world, set.expect("three nodes for this one")).await
        }
        other => panic!("no schedule is called `{other}`"),
    }
}

impl Ground<'_> {
    fn start_as(&self, count: Count, point: Option<Point>, env: &[(&str, &str)]) -> Runner {
        let env = env.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let orders = Orders { env, ..self.orders(point, count) };
        Runner::start(&orders).expect("a runner process")
    }
}

/// Its lease has long to run when it is taken away by force: nothing tells it, and it sends
/// the guard of its second migration.
async fn old_owner(world: &World) -> Result<Outcome, Error> {
    let mut ground = world.ground("transactional", Verb::Up, false).await?;
    // The raise, the first guard, the second guard.
    let point = at(3, Side::Before, Blow::Stop);
    let long = [("CHAOS_LEASE_MS", "30000")];
    let mut first = ground.start_as(Count::Only("update"), Some(point), &long);
    ground.blow("the first", &mut first, point).await;
    let migrations = History::named("transactional").map(|history| (history.migrations)());
    let migrator = Migrator::with(&ground.db, migrations.unwrap_or_default());
    let unlocked = match migrator.lock_status().await {
        Ok(lock) => migrator.force_unlock(lock.fence).await.map(drop),
        Err(error) => Err(error),
    };
    if let Err(error) = unlocked {
        ground.wrong(format!("the lock could not be taken away: {error}"));
    }
    ground.finish(Instant::now()).await;
    first.thaw();
    let ended = first.next(world.patience).await;
    ground.well("the first, gone on", ended);
    ground.verdict().await
}

/// The first leaves a transaction open; the second dies before it ends that transaction.
async fn two_killed(world: &World) -> Result<Outcome, Error> {
    let mut ground = world.ground("transactional", Verb::Up, false).await?;
    let point = at(2, Side::Before, Blow::Kill);
    let mut first = ground.start_as(Count::Only("commitTransaction"), Some(point), &[]);
    ground.blow("the first", &mut first, point).await;
    tokio::time::sleep(world.lease).await;
    let point = at(1, Side::After, Blow::Kill);
    let mut second = ground.start_as(Count::Only("findAndModify"), Some(point), &[]);
    let blow = ground.blow("the second", &mut second, point).await;
    ground.finish(blow.unwrap_or_else(Instant::now)).await;
    ground.verdict().await
}

/// How services refuse `killSessions`: Atlas Free and Flex; a server that does not know it; one that
/// does not do it here; a user that lacks the right.
const REFUSALS: [(i32, &str); 4] = [
    (8_000, "AtlasError"),
    (59, "CommandNotFound"),
    (115, "CommandNotSupported"),
    (13, "Unauthorized"),
];

/// The transaction of the dead may not be ended, and the server ends it after three seconds: on a
/// server of its own, whose transactions live no longer.
async fn without_kill(world: &World) -> Result<Outcome, Error> {
    let server = Embedded::builder().private().quiet(true);
    let server = server.server_parameter("transactionLifetimeLimitSeconds", 3);
    let server = server.start().await.expect("a server of its own");
    let mut all = Outcome::default();
    for (code, name) in REFUSALS {
        let refusal = Refusal { command: "killSessions", code, name };
        let proxy = Proxy::refusing(&server.hosts()[0], refusal).await.expect("a proxy");
        let uri = format!("mongodb://{}/?directConnection=true", proxy.address);
        let mut own = World::new(&uri, world.exe.clone(), world.lease).await?;
        own.mutant.clone_from(&world.mutant);
        (own.keep, own.timed, own.patience) = (false, false, world.patience);
        let commit = Count::Only("commitTransaction");
        let point = at(2, Side::Before, Blow::Kill);
        let outcome = own.single("transactional", Verb::Up, commit, point).await?;
        all.wrong.extend(outcome.wrong.into_iter().map(|wrong| format!("{name}: {wrong}")));
        all.struck += outcome.struck;
        all.missed |= outcome.missed;
        all.commands.extend(outcome.commands);
        if !all.wrong.is_empty() {
            break;
        }
    }
    server.stop().await;
    Ok(all)
}

/// The first is dead, and the second is done, when the server gets the first one's guard.
async fn late_guard(world: &World) -> Result<Outcome, Error> {
    let mut ground = world.ground("transactional", Verb::Up, false).await?;
    // Start, lock, fence, history; the four of the first migration; the guard.
    let late = Duration::from_secs(3);
    let rule = Rule { at: 9, fault: Fault::Late(late) };
    let (proxy, mut first) = network::through(world, &ground, rule).await?;
    if tokio::time::timeout(world.patience, proxy.suffered().cancelled()).await.is_err() {
        ground.wrong("the first sent no guard");
    }
    let killed = Instant::now();
    first.kill().await;
    ground.outcome.struck += 1;
    ground.finish(killed).await;
    // Until it has arrived and was executed.
    tokio::time::sleep((late + Duration::from_millis(500)).saturating_sub(killed.elapsed())).await;
    ground.verdict().await
}

/// The release of one that was frozen arrives when another has the lock.
async fn release(world: &World) -> Result<Outcome, Error> {
    let mut ground = world.ground("pause", Verb::Up, false).await?;
    // The raise, the guard, the release.
    let point = at(3, Side::Before, Blow::Stop);
    let mut first = ground.start_as(Count::Only("update"), Some(point), &[("CHAOS_VERB", "up-1")]);
    ground.blow("the first", &mut first, point).await;
    let env = [("CHAOS_PAUSE", "1"), ("CHAOS_LEASE_MS", "30000")];
    let mut second = ground.start_as(Count::All, None, &env);
    if !second.says("inside", world.patience).await {
        ground.wrong("the second did not get inside");
    }
    first.thaw();
    let ended = first.next(world.patience).await;
    ground.well("the first, gone on", ended);
    let mut third = ground.start_as(Count::All, None, &[("CHAOS_NO_WAIT", "1")]);
    match third.next(world.patience).await {
        Next::Ended(end) if end.error.as_ref().is_some_and(|(kind, _)| kind == "lock-held") => {}
        other => ground.wrong(format!("lock: it was not the second one's any more: {other:?}")),
    }
    second.tell("go on").await;
    let ended = second.next(world.patience).await;
    ground.well("the second", ended);
    ground.verdict().await
}

/// The history is paused while the first has the lock; the first dies. Its successor has another fence.
async fn paused_and_killed(world: &World) -> Result<Outcome, Error> {
    let mut ground = world.ground("transactional", Verb::Up, false).await?;
    let point = at(2, Side::Before, Blow::Stop);
    let mut first = ground.start_as(Count::Only("commitTransaction"), Some(point), &[]);
    ground.blow("the first", &mut first, point).await;
    let operator = operator(&ground, "transactional");
    if let Err(error) = operator.pause().why("a schedule").await {
        ground.wrong(format!("pause was refused: {error}"));
    }
    first.kill().await;
    let mut second = ground.start_as(Count::All, None, &[]);
    still(world, &mut ground).await?;
    let status = operator.status().await;
    match status {
        Ok(status) if status.applied <= 1 && status.lock.paused.is_some() => {}
        Ok(status) => ground.wrong(format!("paused: {} are applied", status.applied)),
        Err(error) => ground.wrong(format!("paused: no status: {error}")),
    }
    if let Err(error) = operator.resume().await {
        ground.wrong(format!("resume was refused: {error}"));
    }
    let ended = second.next(world.patience).await;
    ground.well("the second, gone on", ended);
    ground.finish(Instant::now()).await;
    ground.verdict().await
}

/// The run is asked to end while a batch of its backfill is at work: that batch is the last one, and whole.
async fn cancelled_with_a_batch(world: &World) -> Result<Outcome, Error> {
    let mut ground = world.ground("paused_batch", Verb::Up, false).await?;
    let env = [("CHAOS_PAUSE", "1"), ("CHAOS_LEASE_MS", "3000")];
    let mut first = ground.start_as(Count::All, None, &env);
    if !first.says("inside", world.patience).await {
        ground.wrong("the first did not get inside");
    }
    let operator = operator(&ground, "paused_batch");
    if let Err(error) = operator.cancel_run().why("a schedule").await {
        ground.wrong(format!("cancel was refused: {error}"));
    }
    knows(world, &mut ground).await?;
    first.tell("go on").await;
    let ended = first.next(world.patience).await;
    if !is_cancelled(&ended) {
        ground.wrong(format!("cancel: the first did not end: {ended:?}"));
    }
    let rows = ground.db.collection::<Document>(ROWS);
    let counted = rows.count_documents(doc! { "up": 1 }).await?;
    if counted != u64::from(BATCH) {
        ground
            .wrong(format!("cancel: the batch at work has {BATCH} documents, {counted} are done"));
    }
    ground.finish(Instant::now()).await;
    ground.verdict().await
}

/// The first is asked to end, and dies before it knows.
async fn cancelled_and_killed(world: &World) -> Result<Outcome, Error> {
    let mut ground = world.ground("transactional", Verb::Up, false).await?;
    let point = at(2, Side::Before, Blow::Stop);
    // Longer than the machine stalls: an owner whose lease has run out is not asked.
    let long = [("CHAOS_LEASE_MS", "6000")];
    let mut first = ground.start_as(Count::Only("commitTransaction"), Some(point), &long);
    ground.blow("the first", &mut first, point).await;
    let operator = operator(&ground, "transactional");
    match operator.cancel_run().await {
        Ok(report) if report.changed => {}
        other => ground.wrong(format!("cancel was refused: {other:?}")),
    }
    first.kill().await;
    ground.finish(Instant::now()).await;
    // The lease of the first was a long one.
    ground.outcome.late = false;
    ground.verdict().await
}

/// The primary acknowledges the end of a run that no other member has, and dies.
async fn failed_over(world: &World, set: &Embedded) -> Result<Outcome, Error> {
    let mut ground = world.ground("pause", Verb::Up, false).await?;
    let one = [("CHAOS_VERB", "up-1")];
    let before = ground.start_as(Count::All, None, &one).next(world.patience).await;
    ground.well("who applied what comes before it", before);
    // The raise, the guard, the release. The release is what stands for the run's commits: what is
    // lost before that is done again.
    let point = at(3, Side::After, Blow::Kill);
    let pause = [("CHAOS_VERB", "up-1"), ("CHAOS_PAUSE", "1")];
    let mut first = ground.start_as(Count::Only("update"), Some(point), &pause);
    if !first.says("inside", world.patience).await {
        ground.wrong("the first did not get inside");
    }
    let primary = primary(world, set).await?;
    let others = alone(world, set, primary).await?;
    first.tell("go on").await;
    let acknowledged = match first.next(Duration::from_secs(6)).await {
        Next::Struck(at) => {
            ground.struck(&at);
            at.contains(" ok ")
        }
        _ => false,
    };
    set.kill_node(primary).await.expect("the primary runs");
    succeed(world, set, others).await;
    set.restart_node(primary).await.expect("it starts again");
    if acknowledged {
        let control = ground.db.collection::<Document>("migrations");
        let record = control.find_one(doc! { "_id": 2_i64 }).await?;
        let state = record.as_ref().and_then(|record| record.get_str("state").ok());
        if state != Some("applied") {
            ground.wrong(format!("lost: 2 was acknowledged and is {state:?}"));
        }
    } else {
        first.kill().await;
    }
    ground.finish(Instant::now()).await;
    // The clock of this schedule is the election's.
    ground.outcome.late = false;
    ground.verdict().await
}

/// The primary acknowledges a run's last commit, which no other member has, and dies; the run comes to
/// its release when another member is the primary.
async fn failed_over_before(world: &World, set: &Embedded) -> Result<Outcome, Error> {
    let mut ground = world.ground("pause", Verb::Up, false).await?;
    let one = [("CHAOS_VERB", "up-1")];
    let before = ground.start_as(Count::All, None, &one).next(world.patience).await;
    ground.well("who applied what comes before it", before);
    let point = at(1, Side::After, Blow::Stop);
    let pause = [("CHAOS_VERB", "up-1"), ("CHAOS_PAUSE", "1"), ("CHAOS_LEASE_MS", "60000")];
    let mut first = ground.start_as(Count::Only("commitTransaction"), Some(point), &pause);
    if !first.says("inside", world.patience).await {
        ground.wrong("the first did not get inside");
    }
    let old = primary(world, set).await?;
    let others = alone(world, set, old).await?;
    first.tell("go on").await;
    ground.blow("the first", &mut first, point).await;
    set.kill_node(old).await.expect("the primary runs");
    succeed(world, set, others).await;
    // Once more if the migration runs again.
    first.tell("go on").await;
    first.thaw();
    let ended = first.next(world.patience).await;
    ground.well("the first, gone on", ended);
    let control = ground.db.collection::<Document>("migrations");
    let record = control.find_one(doc! { "_id": 2_i64 }).await?;
    let state = record.as_ref().and_then(|record| record.get_str("state").ok());
    if state != Some("applied") {
        ground.wrong(format!("lost: 2 is said to be applied and is {state:?}"));
    }
    set.restart_node(old).await.expect("it starts again");
    ground.finish(Instant::now()).await;
    // The clock of this schedule is the election's.
    ground.outcome.late = false;
    ground.verdict().await
}

/// Kills the other two, at once; which they were. Dead, not frozen: a frozen one would find the oplog's
/// end in its socket.
///
/// The primary steps down when it has heard of neither for the election timeout. On a busy machine that
/// may be before the runner has done what is to be lost, so the timeout is a long one from here on.
async fn alone(world: &World, set: &Embedded, primary: usize) -> Result<[usize; 2], Error> {
    let admin = world.client.database("admin");
    let reply = admin.run_command(doc! { "replSetGetConfig": 1 }).await?;
    let mut config = reply.get_document("config").cloned().unwrap_or_default();
    let settings = config.get_document_mut("settings").expect("the settings of a replica set");
    if settings.insert("electionTimeoutMillis", 20_000) != Some(Bson::Int32(20_000)) {
        let version = config.get_i32("version").expect("a version");
        config.insert("version", version + 1);
        admin.run_command(doc! { "replSetReconfig": config }).await?;
    }
    let others = [(primary + 1) % 3, (primary + 2) % 3];
    let (one, other) = tokio::join!(set.kill_node(others[0]), set.kill_node(others[1]));
    one.and(other).expect("the secondaries run");
    Ok(others)
}

/// Starts the two again and has one of them elected, without the old primary: it is dead, and would
/// bring back what only it has.
async fn succeed(world: &World, set: &Embedded, others: [usize; 2]) {
    let (one, other) = tokio::join!(set.restart_node(others[0]), set.restart_node(others[1]));
    one.and(other).expect("the secondaries start again");
    let until = Instant::now() + world.patience;
    for node in others.into_iter().cycle() {
        let uri = format!("mongodb://{}/?directConnection=true", set.hosts()[node]);
        let client = Client::with_uri_str(uri).await.expect("the address of a node");
        let told = client.database("admin").run_command(doc! { "replSetStepUp": 1 }).await;
        let error = match told {
            Ok(_) => return,
            Err(error) => error,
        };
        assert!(Instant::now() < until, "no successor: {error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The node that takes writes.
///
/// # Errors
///
/// When there is none.
pub async fn primary(world: &World, set: &Embedded) -> Result<usize, Error> {
    let hello = world.client.database("admin").run_command(doc! { "hello": 1 }).await?;
    let name = hello.get_str("primary").unwrap_or_default();
    Ok(set.hosts().iter().position(|host| host == name).unwrap_or(0))
}
