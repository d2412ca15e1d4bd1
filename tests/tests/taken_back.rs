//! An election that takes back what only the former primary had: commits that were not waited for.
//! It is done again, once, and no report says otherwise.

use std::{
    sync::{
        atomic::{AtomicBool, AtomicI64, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

use mongrate::{
    BoxError, Error, EventKind, Kind, Migration, Migrator, StepOutcome, Transaction,
    bson::{Document, doc},
    embedded::Embedded,
    mongodb::{Client, options::ClientOptions},
};
use mongrate_tests::{
    TestDb,
    effects::{self, TWENTY, assert_exactly_once, present},
};
use tokio::sync::Notify;

/// Where a body waits for the test.
struct Gate {
    /// In front of which version; negative: its rollback. It opens once.
    version: AtomicI64,
    reached: Notify,
    open: Notify,
}

impl Gate {
    const fn new() -> Self {
        Self { version: AtomicI64::new(0), reached: Notify::const_new(), open: Notify::const_new() }
    }

    async fn pass(&self, version: i64) -> bool {
        let closed = self.version.compare_exchange(version, 0, SeqCst, SeqCst).is_ok();
        if closed {
            self.reached.notify_one();
            self.open.notified().await;
        }
        closed
    }
}

/// After it nothing reaches the other nodes.
static ALONE: Gate = Gate::new();
/// After it the primary is dead.
static DEAD: Gate = Gate::new();
/// What comes after that gate is an error of the body's own.
static BROKEN: AtomicBool = AtomicBool::new(false);

/// How often the third one ran.
static THIRD: AtomicI64 = AtomicI64::new(0);

async fn up(tx: &mut Transaction<'_>, version: i64) -> Result<(), BoxError> {
    THIRD.fetch_add(i64::from(version == 3), SeqCst);
    if DEAD.pass(version).await && BROKEN.load(SeqCst) {
        return Err("broken".into());
    }
    effects::leave(tx, version).await?;
    ALONE.pass(version).await;
    Ok(())
}

async fn down(tx: &mut Transaction<'_>, version: i64) -> Result<(), BoxError> {
    THIRD.fetch_add(i64::from(version == 3), SeqCst);
    DEAD.pass(-version).await;
    effects::undo(tx, version).await?;
    ALONE.pass(-version).await;
    Ok(())
}

const fn migration<const N: i64>(name: &'static str) -> Migration {
    Migration::transactional(N, name, |tx| Box::pin(up(tx, N)))
        .reversible_by(|tx| Box::pin(down(tx, N)))
}

const FIVE: [Migration; 5] = [
    migration::<1>("one"),
    migration::<2>("two"),
    migration::<3>("three"),
    migration::<4>("four"),
    migration::<5>("five"),
];

/// Lets a run come to `alone`, stops the others from following the primary, lets it come to `dead`,
/// and kills the primary, so that no member has what was committed in between.
async fn strike(set: &Embedded, fresh: &TestDb, alone: i64, dead: i64) -> usize {
    let within = |gate: &'static Gate| async {
        tokio::time::timeout(Duration::from_secs(60), gate.reached.notified()).await.unwrap();
    };
    ALONE.version.store(alone, SeqCst);
    DEAD.version.store(dead, SeqCst);
    within(&ALONE).await;
    let (primary, others) = leave_alone(set, fresh).await;
    ALONE.open.notify_one();
    within(&DEAD).await;
    set.kill_node(primary).await.unwrap();
    follow(set, &others, true).await;
    DEAD.open.notify_one();
    primary
}

/// Stops the others from following the primary. Returns the primary and the others.
async fn leave_alone(set: &Embedded, fresh: &TestDb) -> (usize, Vec<usize>) {
    let hello = fresh.db.run_command(doc! { "hello": 1 }).await.unwrap();
    let primary = hello.get_str("primary").unwrap();
    let primary = set.hosts().iter().position(|host| host == primary).unwrap();
    let others: Vec<usize> = (0..3).filter(|node| *node != primary).collect();
    follow(set, &others, false).await;
    // What is under way to them may still arrive.
    let late = doc! {
        "insert": "late", "documents": [{}],
        "writeConcern": { "w": "majority", "wtimeout": 500 },
    };
    while !fresh.db.run_command(late.clone()).await.unwrap().contains_key("writeConcernError") {}
    (primary, others)
}

/// Whether these nodes fetch what the primary has.
async fn follow(set: &Embedded, nodes: &[usize], on: bool) {
    for node in nodes {
        let uri = format!("mongodb://{}/?directConnection=true", set.hosts()[*node]);
        let client = Client::with_uri_str(uri).await.unwrap();
        let mode = if on { "off" } else { "alwaysOn" };
        let stop = doc! { "configureFailPoint": "stopReplProducer", "mode": mode };
        client.database("admin").run_command(stop).await.unwrap();
    }
}

async fn fresh(set: &Embedded, test: &str) -> TestDb {
    let fresh = TestDb::on(set.uri(), test).await;
    let mut options = ClientOptions::parse(set.uri()).await.unwrap();
    options.server_selection_timeout = Some(Duration::from_secs(60));
    let db = Client::with_options(options).unwrap().database(fresh.db.name());
    db.create_collection(effects::EFFECTS).await.unwrap();
    fresh
}

/// How often each version has an event in the history.
async fn events(fresh: &TestDb, event: &str) -> Vec<i64> {
    let history = fresh.migrator(FIVE).history().await.unwrap();
    let found = history.events.iter().filter(|found| found.event == event);
    let mut versions: Vec<i64> = found.filter_map(|found| Some(found.version?.get())).collect();
    versions.sort_unstable();
    versions
}

/// The audit log is whole, and has this event of these versions.
async fn assert_logged(migrator: &Migrator, event: &str, expected: &[i64]) {
    let found = migrator.verify_audit().await.unwrap();
    assert!(found.is_whole() && found.gaps.is_empty(), "{found:#?}");
    let page = migrator.audit().event(event).await.unwrap();
    let versions: Vec<i64> =
        page.entries.iter().filter_map(|entry| Some(entry.version?.get())).collect();
    assert_eq!(versions, expected, "{event}");
}

#[tokio::test]
async fn what_an_election_takes_back_is_done_again_once() {
    let set = Embedded::builder().nodes(3).test_commands().private().start().await.unwrap();
    let lease = Duration::from_secs(60);

    // Forth.
    let one = fresh(&set, "taken_back_up").await;
    let (told, taken_back) = mpsc::channel();
    // The audit log loses the same entries, and gets them again.
    let migrator = one.migrator(FIVE).lease(lease).keep_audit_log(true).listen(move |event| {
        if let EventKind::TakenBack { migrations } = &event.kind {
            told.send(migrations.iter().map(|one| one.version).collect::<Vec<_>>()).unwrap();
        }
    });
    let running = tokio::spawn({
        let migrator = migrator.clone();
        async move { migrator.up().await }
    });
    let killed = strike(&set, &one, 2, 4).await;
    let report = running.await.unwrap().unwrap();
    let gone: Vec<_> = taken_back.try_iter().flatten().collect();
    assert_eq!(gone, effects::versions([2, 3]), "a listener knows");
    assert_eq!(report.versions(), effects::versions(1..=5), "each once: {report:#?}");
    assert_exactly_once(&one.db, 1..=5).await;
    assert_eq!(THIRD.swap(0, SeqCst), 2, "once for an election to take back");
    assert_eq!(events(&one, "applied").await, [1, 2, 3, 4, 5]);
    assert_logged(&migrator, "applied", &[1, 2, 3, 4, 5]).await;
    assert!(migrator.up().await.unwrap().is_empty());
    set.restart_node(killed).await.unwrap();

    // And back.
    let running = tokio::spawn({
        let migrator = migrator.clone();
        async move { migrator.down().steps(4).await }
    });
    let killed = strike(&set, &one, -4, -2).await;
    let report = running.await.unwrap().unwrap();
    assert_eq!(report.versions(), effects::versions([5, 4, 3, 2]), "as asked: {report:#?}");
    assert_eq!(present(&one.db).await, [1]);
    assert_eq!(THIRD.swap(0, SeqCst), 2, "once for an election to take back");
    assert_eq!(events(&one, "reverted").await, [2, 3, 4, 5]);
    assert_logged(&migrator, "reverted", &[5, 4, 3, 2]).await;
    set.restart_node(killed).await.unwrap();

    // One that fails just then: what came before it is not there, and is not said to be.
    let other = fresh(&set, "taken_back_failed").await;
    let migrator = other.migrator(FIVE).lease(lease).keep_audit_log(true);
    BROKEN.store(true, SeqCst);
    let running = tokio::spawn({
        let migrator = migrator.clone();
        async move { migrator.up().await }
    });
    strike(&set, &other, 2, 4).await;
    let Err(Error::Failed { report, .. }) = running.await.unwrap() else { panic!("it is broken") };
    let outcomes: Vec<StepOutcome> = report.steps.iter().map(|step| step.outcome).collect();
    let (done, gone) = (StepOutcome::Applied, StepOutcome::NotRun);
    assert_eq!(outcomes, [done, gone, gone, StepOutcome::Failed, gone], "{report:#?}");
    assert_eq!(present(&other.db).await, [1]);
    let status = migrator.status().await.unwrap();
    let counts = (status.applied, status.failed, status.pending);
    assert_eq!(counts, (1, 1, 3), "{status:#?}");
    assert_logged(&migrator, "applied", &[1]).await;
    assert_logged(&migrator, "failed", &[4]).await;
    let report = migrator.up().await.unwrap();
    assert_eq!(report.versions(), effects::versions(2..=5));
    assert_exactly_once(&other.db, 1..=5).await;

    one.pass().await;
    other.pass().await;
    set.stop().await;
}

/// In the last migration of its run.
static LAST: Gate = Gate::new();
/// How often that one ran.
static LAST_RUNS: AtomicI64 = AtomicI64::new(0);

/// Nothing of a run's end reaches another node: the last commit and the release are both lost with the
/// primary. The release that is sent again does nothing, and the migration runs once more.
#[tokio::test]
async fn a_release_does_not_stand_for_a_commit_that_is_gone() {
    let last = Migration::transactional(2, "effect_2", |tx| {
        Box::pin(async move {
            LAST_RUNS.fetch_add(1, SeqCst);
            effects::leave(tx, 2).await?;
            LAST.pass(2).await;
            Ok(())
        })
    });
    let set = Embedded::builder().nodes(3).test_commands().private().start().await.unwrap();
    let one = fresh(&set, "taken_back_last").await;
    let migrator = one.migrator([TWENTY[0], last]).lease(Duration::from_secs(60));
    // A run of its own: a commit waits for the majority if another one was long before it.
    migrator.up().steps(1).await.unwrap();
    LAST.version.store(2, SeqCst);
    let running = tokio::spawn({
        let migrator = migrator.clone();
        async move { migrator.up().await }
    });
    let within = Duration::from_secs(60);
    tokio::time::timeout(within, LAST.reached.notified()).await.unwrap();
    let (primary, others) = leave_alone(&set, &one).await;
    one.wire.take();
    LAST.open.notify_one();
    let control = one.db.collection::<Document>("migrations");
    let released = async {
        let free = doc! { "_id": "lock", "owner": null };
        while control.find_one(free.clone()).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(within, released).await.unwrap();
    assert!(!running.is_finished(), "only the primary has it");
    set.kill_node(primary).await.unwrap();
    follow(&set, &others, true).await;
    let report = running.await.unwrap().unwrap();
    assert_eq!(report.versions(), effects::versions([2]), "{report:#?}");
    assert_exactly_once(&one.db, 1..=2).await;
    assert_eq!(LAST_RUNS.load(SeqCst), 2, "once for an election to take back");
    assert_eq!(events(&one, "applied").await, [1, 2]);
    assert!(!migrator.lock_status().await.unwrap().held);
    one.pass().await;
    set.stop().await;
}

/// Only the primary has the lock when it dies: nothing was begun under it, and the number of the lost
/// acquisition is not used twice.
#[tokio::test]
async fn a_lock_that_an_election_takes_back_holds_nobody_up() {
    let set = Embedded::builder().nodes(3).test_commands().private().start().await.unwrap();
    let one = fresh(&set, "taken_back_lock").await;
    let migrator = one.migrator(TWENTY.into_iter().take(3)).lease(Duration::from_secs(60));
    migrator.up().steps(1).await.unwrap();
    let (primary, others) = leave_alone(&set, &one).await;
    one.wire.take();
    let running = tokio::spawn({
        let migrator = migrator.clone();
        async move { migrator.up().await }
    });
    let control = one.db.collection::<Document>("migrations");
    let locked = async {
        while control.find_one(doc! { "_id": "lock", "fence": 2_i64 }).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), locked).await.unwrap();
    // Only the primary has it: the run must not begin.
    let sent = one.wire.take();
    assert!(sent.iter().any(|name| name == "findAndModify"), "{sent:?}");
    assert!(!sent.iter().any(|name| name == "commitTransaction"), "{sent:?}");
    set.kill_node(primary).await.unwrap();
    follow(&set, &others, true).await;
    let report = running.await.unwrap().unwrap();
    assert_eq!(report.versions(), effects::versions(2..=3), "{report:#?}");
    assert_exactly_once(&one.db, 1..=3).await;
    // Another run gets the lock, and a higher number.
    let next = migrator.down().steps(1).await.unwrap();
    assert!(next.fence > report.fence, "{next:#?} after {report:#?}");
    one.pass().await;
    set.stop().await;
}

/// The primary takes writes, and no other node follows it: the run says so, and begins nothing.
#[tokio::test]
async fn a_run_that_no_majority_follows_ends_before_it_begins() {
    let set = Embedded::builder().nodes(3).test_commands().private().start().await.unwrap();
    let one = fresh(&set, "no_majority_follows").await;
    let migrator = one.migrator(TWENTY.into_iter().take(3));
    migrator.up().steps(1).await.unwrap();
    let (_, others) = leave_alone(&set, &one).await;
    one.wire.take();
    let error = migrator.up().await.unwrap_err();
    assert!(error.to_string().contains("a majority of the replica set"), "{error}");
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
    let sent = one.wire.take();
    assert!(!sent.iter().any(|name| name == "commitTransaction"), "{sent:?}");
    follow(&set, &others, true).await;
    assert_eq!(migrator.up().await.unwrap().versions(), effects::versions(2..=3));
    assert_exactly_once(&one.db, 1..=3).await;
    one.pass().await;
    set.stop().await;
}
