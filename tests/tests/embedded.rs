//! The embedded server: shared between processes, and gone when they are, however they end.
//!
//! Where its binary comes from is tested beside the code (`embedded/src/tests.rs`).
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use mongrate::{
    bson::{Document, doc},
    embedded::{Embedded, EmbeddedBuilder, EmbeddedError, mongod_binary},
    mongodb::{Client, Collection, options::WriteConcern},
};

/// Tells this test binary to be a user of a server, and of which: `DIRECTORY LINGER_MS`, where the
/// directory `-` stands for a scratch server.
const ROLE: &str = "MONGRATE_TEST_USER";
/// A scratch server that only this run of the tests can share.
const SCRATCH_KEY: &str = "MONGRATE_TEST_KEY";

// ---------------------------------------------------------------- a user in a process of its own

/// A process that uses a server until it is told otherwise.
struct User {
    child: Child,
    input: ChildStdin,
    /// Kept open: a process that cannot print its test's result fails.
    _output: BufReader<ChildStdout>,
    uri: String,
    pid: u32,
}

impl User {
    /// Starts a process; it joins or starts the server at the same time as others may.
    fn spawn(directory: &str, linger_ms: u64, key: &str) -> Spawned {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "user", "--ignored", "--nocapture", "--test-threads=1"])
            .env(ROLE, format!("{linger_ms} {directory}"))
            .env(SCRATCH_KEY, key)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        Spawned { child, input }
    }

    fn start(directory: &str, linger_ms: u64, key: &str) -> Self {
        Self::spawn(directory, linger_ms, key).wait()
    }

    /// `kill -9`.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends after `stop` has returned.
    fn leave(mut self) {
        drop(self.input);
        assert!(self.child.wait().unwrap().success());
    }

    /// Ends the process without `stop`, by `std::process::exit`.
    fn exit(mut self) {
        writeln!(self.input, "exit").unwrap();
        self.child.wait().unwrap();
    }
}

struct Spawned {
    child: Child,
    input: ChildStdin,
}

impl Spawned {
    fn wait(mut self) -> User {
        let mut output = BufReader::new(self.child.stdout.take().unwrap());
        let mut line = String::new();
        while output.read_line(&mut line).unwrap() > 0 {
            if let Some((_, said)) = line.trim().split_once("READY ") {
                let (pid, uri) = said.split_once(' ').unwrap();
                let (pid, uri) = (pid.parse().unwrap(), uri.to_owned());
                return User { child: self.child, input: self.input, _output: output, uri, pid };
            }
            line.clear();
        }
        panic!("the user ended before it was ready");
    }
}

/// Not a test: what [`User`] runs.
#[tokio::test]
#[ignore = "run by other tests, in a process of its own"]
async fn user() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (linger_ms, directory) = role.split_once(' ').unwrap();
    let mut builder = Embedded::builder().linger(Duration::from_millis(linger_ms.parse().unwrap()));
    if directory == "-" {
        builder = scratch(builder, &std::env::var(SCRATCH_KEY).unwrap());
    } else {
        builder = builder.data_dir(directory);
    }
    let server = builder.start().await.unwrap();
    println!("READY {} {}", server.pid().unwrap(), server.uri());
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    if line.trim() == "exit" {
        std::process::exit(0);
    }
    server.stop().await;
}

// ------------------------------------------------------------------------------------- helpers

/// A harmless parameter makes the settings, and so the server, this test's own.
fn scratch(builder: EmbeddedBuilder, key: &str) -> EmbeddedBuilder {
    builder.server_parameter("ttlMonitorSleepSecs", key)
}

fn fresh_key() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    (1_000 + now.as_nanos() % 1_000_000_000).to_string()
}

/// Servers of this file never linger unless a test is about that.
fn at_once() -> EmbeddedBuilder {
    Embedded::builder().linger(Duration::ZERO)
}

fn sh(script: &str) -> String {
    let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Whether there is such a process. A zombie is none: its parent may collect it late.
fn lives(pid: u32) -> bool {
    let state = sh(&format!("ps -o stat= -p {pid}"));
    !state.is_empty() && !state.starts_with('Z')
}

/// Waits until `pid` is gone, and says how long that took.
fn assert_gone(pid: u32, within: Duration) -> Duration {
    let start = Instant::now();
    while lives(pid) {
        assert!(start.elapsed() < within, "process {pid} is still there after {within:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    start.elapsed()
}

/// The processes whose arguments name `text`: keeper, guard, `mongod`.
fn processes_about(text: &str) -> Vec<String> {
    sh("ps -ww -eo pid=,args=")
        .lines()
        .filter(|line| line.contains(text))
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect()
}

fn assert_no_process_about(text: &str, within: Duration) {
    let start = Instant::now();
    while !processes_about(text).is_empty() {
        assert!(start.elapsed() < within, "left behind: {:?}", processes_about(text));
        std::thread::sleep(Duration::from_millis(20));
    }
}

async fn items(uri: &str) -> Collection<Document> {
    Client::with_uri_str(uri).await.unwrap().database("embedded").collection("items")
}

/// For certain: before 5.0, a write is otherwise acknowledged before it is in the journal.
async fn add(uri: &str) {
    let majority = WriteConcern::majority();
    items(uri).await.insert_one(doc! { "at": 1 }).write_concern(majority).await.unwrap();
}

async fn count(uri: &str) -> u64 {
    items(uri).await.count_documents(doc! {}).await.unwrap()
}

fn path(directory: &tempfile::TempDir) -> &str {
    directory.path().to_str().unwrap()
}

const SOON: Duration = Duration::from_secs(5);

// --------------------------------------------------------------------------------------- tests

#[tokio::test]
async fn it_has_transactions() {
    let server = at_once().private().start().await.unwrap();
    let client = Client::with_uri_str(server.uri()).await.unwrap();
    let items = client.database("embedded").collection::<Document>("items");
    let mut session = client.start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    items.insert_one(doc! {}).session(&mut session).await.unwrap();
    session.commit_transaction().await.unwrap();
    assert_eq!(items.count_documents(doc! {}).await.unwrap(), 1);
    server.stop().await;
}

#[tokio::test]
async fn stop_returns_when_the_server_has_ended() {
    let directory = tempfile::tempdir().unwrap();
    for builder in [at_once().private(), at_once().data_dir(directory.path())] {
        let server = builder.start().await.unwrap();
        let pid = server.pid().unwrap();
        server.stop().await;
        assert!(!lives(pid));
    }
    assert_no_process_about(path(&directory), SOON);
}

#[tokio::test]
async fn stop_does_not_wait_while_others_use_it() {
    let directory = tempfile::tempdir().unwrap();
    let builder = at_once().data_dir(directory.path());
    let (one, two) = (builder.clone().start().await.unwrap(), builder.start().await.unwrap());
    let start = Instant::now();
    one.stop().await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    add(two.uri()).await;
    two.stop().await;
}

#[tokio::test]
async fn processes_share_it_and_it_survives_their_deaths_but_the_last() {
    let key = fresh_key();
    let one = User::start("-", 0, &key);
    let two = User::start("-", 0, &key);
    let three = User::start("-", 0, &key);
    assert_eq!((&one.uri, one.pid), (&two.uri, two.pid));
    assert_eq!((&one.uri, one.pid), (&three.uri, three.pid));
    let (uri, pid) = (one.uri.clone(), one.pid);
    one.kill();
    add(&uri).await;
    two.leave();
    add(&uri).await;
    assert_eq!(count(&uri).await, 2);
    three.exit();
    assert_gone(pid, SOON);
}

#[test]
fn eight_processes_that_start_at_once_share_one() {
    let directory = tempfile::tempdir().unwrap();
    let spawned: Vec<_> = (0..8).map(|_| User::spawn(path(&directory), 0, "")).collect();
    let users: Vec<_> = spawned.into_iter().map(Spawned::wait).collect();
    let pid = users[0].pid;
    assert!(users.iter().all(|user| user.pid == pid));
    users.into_iter().for_each(User::kill);
    assert_gone(pid, SOON);
    assert_no_process_about(path(&directory), SOON);
}

#[test]
fn killing_every_user_leaves_nothing_behind() {
    let key = fresh_key();
    let users: Vec<_> = (0..3).map(|_| User::start("-", 0, &key)).collect();
    let pid = users[0].pid;
    let arguments = sh(&format!("ps -ww -o args= -p {pid}"));
    let (_, configuration) = arguments.split_once("--config ").unwrap();
    let run = Path::new(configuration).parent().unwrap().to_owned();
    let data = std::fs::canonicalize(run.join("data")).unwrap();
    assert!(data.join("node0").is_dir());

    users.into_iter().for_each(User::kill);
    assert_gone(pid, SOON);
    assert_no_process_about(run.to_str().unwrap(), SOON);
    assert!(!run.exists() && !data.exists(), "files are left behind");
}

#[test]
fn a_user_killed_while_it_starts_the_server_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    for wait_ms in [20, 60, 120, 250, 500] {
        let mut spawned = User::spawn(path(&directory), 0, "");
        std::thread::sleep(Duration::from_millis(wait_ms));
        spawned.child.kill().unwrap();
        spawned.child.wait().unwrap();
    }
    // The next is not hindered by what they left half done.
    User::start(path(&directory), 0, "").kill();
    assert_no_process_about(path(&directory), Duration::from_secs(10));
}

#[tokio::test]
async fn a_first_start_that_was_broken_off_is_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let start = || at_once().data_dir(directory.path());
    let breaks_off = directory.path().join("mongod");
    let script = r#"#!/bin/sh
        [ "$1" = --version ] && { echo "db version v6.0.5"; exit; }
        data=$(sed 's/.*"dbPath":"\([^"]*\)".*/\1/' "$2")
        echo broken | tee "$data/WiredTiger" >"$data/WiredTiger.turtle"; exit 1"#;
    std::fs::write(&breaks_off, script).unwrap();
    sh(&format!("chmod +x {}", breaks_off.display()));
    for _ in 0..2 {
        let error = start().binary(&breaks_off).start().await.unwrap_err();
        assert!(matches!(error, EmbeddedError::Exited { .. }), "{error:?}");
    }
    let server = start().start().await.unwrap();
    assert!(!directory.path().join("db/first-start").exists());
    server.stop().await;

    // From now on there may be somebody's data.
    let _ = start().binary(&breaks_off).start().await.unwrap_err();
    let _ = start().start().await.unwrap_err();
    assert!(directory.path().join("db/node0/sizeStorer.wt").exists());
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    for wait_ms in [100, 300, 600] {
        let start = at_once().data_dir(directory.path()).start();
        // It may just have made it; then it is dropped all the same.
        drop(tokio::time::timeout(Duration::from_millis(wait_ms), start).await);
        // One that is about to start may finish that first; its keeper gives it 20 s.
        assert_no_process_about(path(&directory), Duration::from_secs(25));
    }
}

#[test]
fn it_lingers_for_the_next_user() {
    let key = fresh_key();
    let one = User::start("-", 2_000, &key);
    let pid = one.pid;
    one.kill();
    std::thread::sleep(Duration::from_millis(1_200));
    let two = User::start("-", 2_000, &key);
    assert_eq!(two.pid, pid, "the next user finds the same server");
    std::thread::sleep(Duration::from_millis(1_200));
    assert!(lives(pid), "the first user's round ended with the second's arrival");
    two.kill();
    std::thread::sleep(Duration::from_millis(1_000));
    assert!(lives(pid), "it lingers");
    assert_gone(pid, SOON);
}

#[tokio::test]
async fn data_and_port_are_kept_between_starts() {
    let directory = tempfile::tempdir().unwrap();
    let start = || at_once().data_dir(directory.path()).start();
    let server = start().await.unwrap();
    let uri = server.uri().to_owned();
    add(&uri).await;
    server.stop().await;

    let server = start().await.unwrap();
    assert_eq!(server.uri(), uri);
    assert_eq!(count(&uri).await, 1);
    server.stop().await;

    // Another program takes the port: the server moves, and its data with it.
    let address = uri.trim_start_matches("mongodb://").split('/').next().unwrap();
    let _taken = std::net::TcpListener::bind(address).unwrap();
    let server = start().await.unwrap();
    assert_ne!(server.uri(), uri);
    assert_eq!(count(server.uri()).await, 1);
    add(server.uri()).await;
    server.stop().await;
}

#[tokio::test]
async fn data_survive_the_death_of_all_users_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let one = User::start(path(&directory), 0, "");
    let two = User::start(path(&directory), 0, "");
    add(&one.uri).await;
    one.kill();
    two.kill();
    // No wait: this may join at the last moment, or has to see the end of the server by itself.
    let server = at_once().data_dir(directory.path()).start().await.unwrap();
    assert_eq!(count(server.uri()).await, 1);
    server.stop().await;
    assert_no_process_about(path(&directory), SOON);
}

#[tokio::test]
async fn a_killed_keeper_takes_the_server_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let start = || at_once().data_dir(directory.path()).start();
    let orphan = start().await.unwrap();
    add(orphan.uri()).await;
    let pid = orphan.pid().unwrap();
    // The oldest of the shells is the keeper; the guard is its child.
    let keeper = sh(&format!("ps -o ppid= -p $(ps -o ppid= -p {pid})"));
    sh(&format!("kill -9 {keeper}"));
    assert_gone(pid, SOON);

    let server = start().await.unwrap();
    assert_eq!(count(server.uri()).await, 1);
    server.stop().await;
    orphan.stop().await;
    assert_no_process_about(path(&directory), SOON);
}

#[tokio::test]
async fn when_keeper_and_guard_are_killed_the_next_start_clears_up() {
    let directory = tempfile::tempdir().unwrap();
    let start = || at_once().data_dir(directory.path()).start();
    let orphan = start().await.unwrap();
    add(orphan.uri()).await;
    let pid = orphan.pid().unwrap();
    let shells: Vec<_> = processes_about(path(&directory))
        .into_iter()
        .filter(|process| *process != pid.to_string())
        .collect();
    assert!(shells.len() >= 3, "{shells:?}");
    sh(&format!("kill -9 {}", shells.join(" ")));
    std::thread::sleep(Duration::from_millis(300));
    assert!(lives(pid), "nobody is left to end it");

    let server = start().await.unwrap();
    assert!(!lives(pid));
    assert_eq!(count(server.uri()).await, 1);
    server.stop().await;
    assert_no_process_about(path(&directory), SOON);
}

#[tokio::test]
async fn a_server_that_crashed_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let start = || at_once().data_dir(directory.path()).start();
    let crashed = start().await.unwrap();
    add(crashed.uri()).await;
    let pid = crashed.pid().unwrap();
    sh(&format!("kill -9 {pid}"));
    assert_gone(pid, SOON);
    let server = start().await.unwrap();
    assert_eq!(count(server.uri()).await, 1);
    server.stop().await;
    assert_no_process_about(path(&directory), SOON);
}

/// For some hundredths of a second a killed server still listens, as far as the kernel goes.
#[tokio::test]
async fn a_server_that_is_still_dying_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let start = || at_once().data_dir(directory.path()).start();
    let mut server = start().await.unwrap();
    for round in 1..=3 {
        add(server.uri()).await;
        let pid = server.pid().unwrap();
        sh(&format!("kill -9 {pid}"));
        // No wait.
        let next = start().await.unwrap();
        assert_ne!(next.pid(), Some(pid));
        assert_eq!(count(next.uri()).await, round);
        server = next;
    }
    server.stop().await;
    assert_no_process_about(path(&directory), SOON);
}

#[tokio::test]
async fn the_terminals_signals_do_not_reach_it() {
    let server = at_once().private().start().await.unwrap();
    let group = |pid: u32| sh(&format!("ps -o pgid= -p {pid}"));
    assert_ne!(group(server.pid().unwrap()), group(std::process::id()));
    server.stop().await;
}

#[tokio::test]
async fn children_of_a_user_do_not_keep_it_alive() {
    let server = at_once().private().start().await.unwrap();
    let pid = server.pid().unwrap();
    let mut child = Command::new("sleep").arg("30").spawn().unwrap();
    server.stop().await;
    let gone = !lives(pid);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(gone);
}

#[tokio::test]
async fn a_node_comes_back_with_its_data() {
    let server = at_once().private().start().await.unwrap();
    add(server.uri()).await;
    let before = server.pid().unwrap();
    server.kill_node(0).await.unwrap();
    assert_eq!(server.pid(), None);
    server.restart_node(0).await.unwrap();
    assert_ne!(server.pid(), Some(before));
    assert_eq!(count(server.uri()).await, 1);
    server.stop().await;
}

#[tokio::test]
async fn three_nodes_survive_the_loss_of_their_primary() {
    let server = at_once().nodes(3).start().await.unwrap();
    let pids: Vec<_> = (0..3).map(|node| server.node_pid(node).unwrap()).collect();
    let client = Client::with_uri_str(server.uri()).await.unwrap();
    let admin = client.database("admin");
    add(server.uri()).await;

    let hello = admin.run_command(doc! { "hello": 1 }).await.unwrap();
    let primary = hello.get_str("primary").unwrap().to_owned();
    let primary = server.hosts().iter().position(|host| *host == primary).unwrap();
    server.kill_node(primary).await.unwrap();
    add(server.uri()).await;
    server.restart_node(primary).await.unwrap();
    assert_eq!(count(server.uri()).await, 2);

    let frozen = server.node_pid(0).unwrap();
    server.freeze_node(0).unwrap();
    assert!(sh(&format!("ps -o stat= -p {frozen}")).starts_with('T'));
    server.thaw_node(0).unwrap();
    assert!(!sh(&format!("ps -o stat= -p {frozen}")).starts_with('T'));
    server.stop().await;
    assert!(!pids.into_iter().any(lives));
}

#[tokio::test]
async fn a_standalone_has_no_replica_set() {
    let server = at_once().private().standalone().start().await.unwrap();
    let client = Client::with_uri_str(server.uri()).await.unwrap();
    let hello = client.database("admin").run_command(doc! { "hello": 1 }).await.unwrap();
    assert!(!hello.contains_key("setName"), "{hello}");
    add(server.uri()).await;
    server.stop().await;
}

#[tokio::test]
async fn test_commands_are_there_when_asked_for() {
    let fail_point = doc! { "configureFailPoint": "failCommand", "mode": "off", "data": {} };
    for (builder, allowed) in
        [(at_once().private(), false), (at_once().private().test_commands(), true)]
    {
        let server = builder.start().await.unwrap();
        let client = Client::with_uri_str(server.uri()).await.unwrap();
        let answer = client.database("admin").run_command(fail_point.clone()).await;
        assert_eq!(answer.is_ok(), allowed, "{answer:?}");
        server.stop().await;
    }
}

#[tokio::test]
async fn other_settings_on_the_same_data_are_refused_while_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    let builder = at_once().data_dir(directory.path());
    let server = builder.clone().start().await.unwrap();
    let error = builder.clone().test_commands().start().await.unwrap_err();
    assert!(matches!(error, EmbeddedError::OtherSettings { .. }), "{error:?}");
    server.stop().await;
    builder.test_commands().start().await.unwrap().stop().await;
}

#[tokio::test]
async fn a_foreign_server_on_the_data_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let builder = at_once().data_dir(directory.path());
    builder.clone().start().await.unwrap().stop().await;
    let mut foreign = Command::new(mongod_binary().await.unwrap())
        .arg("--dbpath")
        .arg(directory.path().join("db").join("node0"))
        .args(["--port", "0", "--bind_ip", "127.0.0.1", "--nounixsocket"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let lock = directory.path().join("db").join("node0").join("mongod.lock");
    let start = Instant::now();
    while std::fs::metadata(&lock).map_or(0, |facts| facts.len()) == 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "the foreign server takes no lock");
        std::thread::sleep(Duration::from_millis(5));
    }
    let error = builder.start().await.unwrap_err();
    let alive = lives(foreign.id());
    foreign.kill().unwrap();
    foreign.wait().unwrap();
    let expected = foreign.id();
    assert!(
        matches!(error, EmbeddedError::DataDirBusy { pid, .. } if pid == expected),
        "{error:?}"
    );
    assert!(alive);
}

#[tokio::test]
async fn a_server_that_refuses_to_start_says_why() {
    let error =
        at_once().private().server_parameter("noSuchParameter", 1).start().await.unwrap_err();
    assert!(matches!(error, EmbeddedError::Exited { .. }), "{error:?}");
    assert!(error.to_string().contains("noSuchParameter"), "{error}");
}

#[tokio::test]
async fn a_choice_of_binary_that_does_not_work_is_an_error() {
    let error = at_once().private().binary("/nowhere/mongod").start().await.unwrap_err();
    assert!(matches!(error, EmbeddedError::UnusableBinary { .. }), "{error:?}");
}
