//! A rolling upgrade of a set of three under runners: 4.4 to 5.0 to 6.0, one node after the other, and the
//! feature compatibility version in between. Runs never stop; each migration happens once.
//!
//! The first test needs three servers: `bash tests/matrix upgrade` fetches them, and names them in `MONGOD_4_4`,
//! `MONGOD_5_0` and `MONGOD_6_0`.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use mongrate::{
    DoctorCheck, Kind, Migration, Migrator,
    bson::{Document, doc},
    embedded::Embedded,
    mongodb::{Client, Database, options::ClientOptions},
};
use mongrate_tests::{
    TestDb,
    effects::{self, EFFECTS, TWENTY, assert_exactly_once, versions},
};

/// How many documents the rewrites change.
const DOCUMENTS: i32 = 30_000;

struct Node {
    place: PathBuf,
    port: u16,
    mongod: Option<Child>,
}

impl Node {
    fn start(&mut self, binary: &str) {
        let started = Command::new(binary)
            .args([
                "--replSet",
                "upgrade",
                "--bind_ip",
                "127.0.0.1",
                "--port",
                &self.port.to_string(),
            ])
            .args(["--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "200"])
            .arg("--dbpath")
            .arg(&self.place)
            .arg("--logpath")
            .arg(self.place.join("log"))
            .stdout(Stdio::null())
            .spawn();
        self.mongod = Some(started.unwrap());
    }

    /// As an operator stops it: in order, with all that it has on its disk.
    async fn stop(&mut self) {
        let mut mongod = self.mongod.take().unwrap();
        let kill = Command::new("kill").args(["-TERM", &mongod.id().to_string()]).status();
        assert!(kill.unwrap().success());
        tokio::task::spawn_blocking(move || mongod.wait()).await.unwrap().unwrap();
    }

    async fn client(&self) -> Client {
        let uri = format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port);
        let mut options = ClientOptions::parse(uri).await.unwrap();
        options.server_selection_timeout = Some(Duration::from_secs(2));
        Client::with_options(options).unwrap()
    }

    async fn is(&self, state: i32) -> bool {
        let admin = self.client().await.database("admin");
        let status = admin.run_command(doc! { "replSetGetStatus": 1 }).await;
        status.is_ok_and(|status| status.get_i32("myState").is_ok_and(|now| now == state))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut mongod) = self.mongod.take() {
            let _ = mongod.kill();
            let _ = mongod.wait();
        }
    }
}

const PRIMARY: i32 = 1;
const SECONDARY: i32 = 2;

/// At most two minutes.
async fn until(what: &str, done: impl AsyncFn() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !done().await {
        assert!(Instant::now() < end, "{what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

struct Set {
    nodes: Vec<Node>,
}

impl Set {
    async fn start(place: &Path, binary: &str) -> Self {
        let nodes = (0..3).map(|number| {
            let place = place.join(number.to_string());
            std::fs::create_dir(&place).unwrap();
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            Node { place, port: free.local_addr().unwrap().port(), mongod: None }
        });
        let mut set = Self { nodes: nodes.collect() };
        for node in &mut set.nodes {
            node.start(binary);
        }
        let members: Vec<Document> = (0_i32..)
            .zip(&set.nodes)
            .map(|(id, node)| doc! { "_id": id, "host": format!("127.0.0.1:{}", node.port) })
            .collect();
        let settings = doc! { "electionTimeoutMillis": 2_000, "heartbeatIntervalMillis": 200 };
        let config = doc! { "_id": "upgrade", "members": members, "settings": settings };
        let first = set.nodes[0].client().await.database("admin");
        let initiate = doc! { "replSetInitiate": config };
        until("initiated", async || first.run_command(initiate.clone()).await.is_ok()).await;
        until("a primary", async || set.primary().await.is_some()).await;
        set
    }

    fn uri(&self) -> String {
        let hosts: Vec<String> =
            self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("mongodb://{}/?replicaSet=upgrade", hosts.join(","))
    }

    async fn primary(&self) -> Option<usize> {
        for (at, node) in self.nodes.iter().enumerate() {
            if node.is(PRIMARY).await {
                return Some(at);
            }
        }
        None
    }

    /// The secondaries first, then the primary after it has stepped down.
    async fn upgrade(&mut self, binary: &str) {
        until("a primary", async || self.primary().await.is_some()).await;
        let primary = self.primary().await.unwrap();
        let order: Vec<usize> = (0..3).filter(|at| *at != primary).chain([primary]).collect();
        for at in order {
            if self.nodes[at].is(PRIMARY).await {
                let admin = self.nodes[at].client().await.database("admin");
                let step_down = doc! { "replSetStepDown": 20, "force": true };
                let _ = admin.run_command(step_down).await;
            }
            self.nodes[at].stop().await;
            self.nodes[at].start(binary);
            let node = &self.nodes[at];
            until("the node is back", async || node.is(SECONDARY).await || node.is(PRIMARY).await)
                .await;
        }
        until("a primary", async || self.primary().await.is_some()).await;
    }

    async fn make_feature_version(&self, client: &Client, version: &str) {
        let command = doc! { "setFeatureCompatibilityVersion": version };
        let admin = client.database("admin");
        until(version, async || admin.run_command(command.clone()).await.is_ok()).await;
    }
}

/// The twenty, each holding its transaction open for a while; then a declared rewrite, and a backfill.
fn all() -> Vec<Migration> {
    fn slow<const N: i64>() -> Migration {
        let name = TWENTY[usize::try_from(N - 1).unwrap()].name();
        Migration::transactional(N, name, |tx| {
            Box::pin(async move {
                effects::leave(tx, N).await?;
                tokio::time::sleep(Duration::from_millis(600)).await;
                Ok(())
            })
        })
    }
    vec![
        slow::<1>(),
        slow::<2>(),
        slow::<3>(),
        slow::<4>(),
        Migration::declared(5, "rename", |change| {
            change.rename_field("people", "name", "full_name");
        }),
        slow::<6>(),
        slow::<7>(),
        slow::<8>(),
        slow::<9>(),
        Migration::online_steps(10, "backfill", |on| {
            Box::pin(async move {
                let walk = on.backfill("plans", "people").batch_size(500);
                let again = doc! { "plans": { "$add": [{ "$ifNull": ["$plans", 0] }, 1] } };
                walk.update(vec![doc! { "$set": again }]).await.map(drop)
            })
        }),
        slow::<11>(),
        slow::<12>(),
        slow::<13>(),
        slow::<14>(),
        slow::<15>(),
        slow::<16>(),
    ]
}

/// Runs what is released, again and again, until told to stop; what went wrong beside a server that was
/// not there for a while.
async fn runner(db: Database, released: Arc<AtomicUsize>, stops: Arc<AtomicBool>) -> Vec<String> {
    let mut wrong = Vec::new();
    while !stops.load(Ordering::Relaxed) {
        let list = all().into_iter().take(released.load(Ordering::Relaxed));
        let migrator = Migrator::with(&db, list).lease(Duration::from_secs(5));
        match migrator.up().await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) if matches!(error.kind(), Kind::Unavailable | Kind::Busy) => {}
            Err(error) => wrong.push(error.to_string()),
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs three servers: bash tests/matrix upgrade"]
async fn a_rolling_upgrade_under_runners_loses_and_doubles_nothing() {
    let binary = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let place = tempfile::tempdir().unwrap();
    let mut set = Set::start(place.path(), &binary("MONGOD_4_4")).await;
    let client = Client::with_uri_str(set.uri()).await.unwrap();
    let db = client.database("shop");
    let people = db.collection::<Document>("people");
    people.insert_many((0..DOCUMENTS).map(|id| doc! { "_id": id, "name": "a" })).await.unwrap();

    let (released, stops) = (Arc::new(AtomicUsize::new(2)), Arc::new(AtomicBool::new(false)));
    let mut runners = Vec::new();
    for _ in 0..3 {
        let own = Client::with_uri_str(set.uri()).await.unwrap().database("shop");
        runners.push(tokio::spawn(runner(own, Arc::clone(&released), Arc::clone(&stops))));
    }
    for (name, feature) in [("MONGOD_5_0", "5.0"), ("MONGOD_6_0", "6.0")] {
        released.fetch_add(3, Ordering::Relaxed);
        set.upgrade(&binary(name)).await;
        let report = Migrator::with(&db, all()).doctor().await.unwrap();
        // The upgrade is half done, and `doctor` says so.
        let half = report.findings.iter().any(|finding| {
            finding.check == DoctorCheck::Features && finding.found.contains("feature compat")
        });
        assert!(half, "{report:#?}");
        released.fetch_add(2, Ordering::Relaxed);
        set.make_feature_version(&client, feature).await;
        released.fetch_add(2, Ordering::Relaxed);
    }
    let last = Migrator::with(&db, all());
    until("all is applied", async || {
        last.status().await.is_ok_and(|status| status.applied == all().len())
    })
    .await;
    stops.store(true, Ordering::Relaxed);
    for runner in runners {
        assert_eq!(runner.await.unwrap(), Vec::<String>::new());
    }
    let left = db.collection::<Document>(EFFECTS);
    for version in (1..=16_i64).filter(|version| ![5, 10].contains(version)) {
        let found = left.count_documents(doc! { "version": version }).await.unwrap();
        assert_eq!(found, 1, "the effect of {version}");
    }
    let once = doc! { "full_name": "a", "name": { "$exists": false }, "plans": 1 };
    let rewritten = people.count_documents(once).await.unwrap();
    assert_eq!(rewritten, u64::try_from(DOCUMENTS).unwrap());
    let info = client.database("admin").run_command(doc! { "buildInfo": 1 }).await.unwrap();
    println!("now {}", info.get_str("version").unwrap());
}

fn three() -> [Migration; 3] {
    [TWENTY[0], TWENTY[1], TWENTY[2]]
}

/// The server interrupts transactions when its feature compatibility version changes: in the body, at the
/// guard, at the commit. An operator who ends an operation on purpose ends it more than once.
#[tokio::test]
async fn a_transaction_that_is_interrupted_is_begun_again_a_few_times() {
    let server = Embedded::builder().test_commands().private().start().await.unwrap();
    let data = |command: &str| doc! { "failCommands": [command], "errorCode": 11_601 };
    // From the first on: the second update is the guard.
    for (command, skip) in [("insert", 0), ("update", 1)] {
        let fresh = TestDb::on(server.uri(), "interrupted_for_good").await;
        let point = fresh.fail(doc! { "skip": skip }, data(command)).await;
        let stopped = fresh.migrator([TWENTY[0]]).lease(Duration::from_secs(1)).up().await;
        point.off().await;
        assert!(stopped.is_err(), "{command}: {stopped:?}");
        fresh.migrator(three()).up().await.unwrap_or_else(|error| panic!("{command}: {error}"));
        assert_exactly_once(&fresh.db, 1..=3).await;
        fresh.pass().await;
    }
    for command in ["insert", "commitTransaction"] {
        let fresh = TestDb::on(server.uri(), "interrupted_few").await;
        let point = fresh.fail(doc! { "times": 3 }, data(command)).await;
        let report = fresh.migrator(three()).up().await;
        point.off().await;
        let report = report.unwrap_or_else(|error| panic!("{command}: {error}"));
        assert_eq!(report.versions(), versions(1..=3), "{command}");
        assert_eq!(report.steps[0].attempts, 4, "{command}");
        assert_exactly_once(&fresh.db, 1..=3).await;
        fresh.pass().await;
    }
    server.stop().await;
}
