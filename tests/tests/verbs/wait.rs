//! `wait`: until nothing is pending, whatever the server does meanwhile.

use std::{
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use mongrate::{
    DatabaseAhead, Error, Kind, Migration, Migrator, WaitingFor,
    bson::{Document, doc},
    mongodb::{Client, options::ClientOptions},
};
use mongrate_tests::{TestDb, host};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::mpsc,
};

/// How often the tests look.
const EVERY: Duration = Duration::from_millis(100);

fn insert(version: i64, name: &'static str) -> Migration {
    Migration::transactional(version, name, |tx| {
        Box::pin(async move {
            tx.collection::<Document>("things").insert_one(doc! {}).await?;
            Ok(())
        })
    })
}

fn two() -> Vec<Migration> {
    vec![insert(1, "one"), insert(2, "two")]
}

#[tokio::test]
async fn a_look_is_one_command_while_nothing_changes() {
    let fresh = TestDb::new("a_look_is_one_command").await;
    let other = fresh.again().await;
    other.migrator(two()).up().steps(1).await.unwrap();
    fresh.wire.take();
    let (tell, mut told) = mpsc::unbounded_channel();
    let wait = tokio::spawn({
        let migrator = fresh.migrator(two());
        async move {
            let wait = migrator.wait_until_current().every(EVERY);
            wait.telling(move |waiting_for| tell.send(waiting_for.clone()).unwrap()).await
        }
    });
    let WaitingFor::Migrations { pending, lock } = told.recv().await.unwrap() else { panic!() };
    assert_eq!(pending.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["two"]);
    assert!(!lock.held);
    // Some looks later, nothing has been told again.
    let mut sent = Vec::new();
    while sent.len() < 6 {
        sent.extend(fresh.wire.take_full());
        tokio::task::yield_now().await;
    }
    assert!(told.try_recv().is_err(), "the same is told once");
    assert!(!wait.is_finished());
    other.migrator(two()).up().await.unwrap();
    let report = wait.await.unwrap().unwrap();
    sent.extend(fresh.wire.take_full());
    let looks = sent.iter().filter(|(name, command)| {
        name == "find" && command.get_bool("singleBatch").unwrap_or(false)
    });
    assert_eq!(looks.count() as u64, report.looks);
    // The history was read at the first look, and not again while nothing changed.
    assert_eq!(sent.len() as u64, report.looks + 1, "{sent:?}");
    assert!(report.ahead.is_empty());
    fresh.pass().await;
}

#[tokio::test]
async fn the_end_of_the_wait_says_what_it_waited_for() {
    let fresh = TestDb::new("the_end_of_the_wait").await;
    let migrator = fresh.migrator(two());
    // Connects, so that the looks are quick.
    migrator.status().await.unwrap();
    let soon = Duration::from_secs(2);
    let error = migrator.wait_until_current().every(EVERY).timeout(soon).await.unwrap_err();
    assert_eq!((error.kind(), error.kind().exit_code()), (Kind::Pending, 3), "{error}");
    assert!(matches!(&error, Error::Pending { versions } if versions.len() == 2), "{error}");
    // A server that nobody runs; each look takes longer than the wait.
    let soon = Duration::from_millis(300);
    for selection in [Duration::from_millis(50), Duration::from_secs(60)] {
        let mut options = ClientOptions::parse("mongodb://127.0.0.1:1").await.unwrap();
        options.server_selection_timeout = Some(selection);
        let nowhere = Client::with_options(options).unwrap().database("shop");
        let migrator = Migrator::with(&nowhere, two());
        let error = migrator.wait_until_current().every(EVERY).timeout(soon).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "server"), "{error}");
    }
    let error = migrator.wait_until_current().every(Duration::ZERO).await.unwrap_err();
    assert_eq!(error.code(), "settings");
    let cancel = mongrate::CancellationToken::new();
    cancel.cancel();
    let migrator = fresh.migrator(two()).cancel_on(cancel);
    let error = migrator.wait_until_current().await.unwrap_err();
    assert_eq!(error.code(), "cancelled");
    fresh.pass().await;
}

#[tokio::test]
async fn what_no_wait_helps_against_ends_it_at_once() {
    let fresh = TestDb::new("what_no_wait_helps").await;
    fresh.migrator(two()).up().await.unwrap();
    let renamed = vec![insert(1, "one"), insert(2, "another"), insert(3, "three")];
    let error = fresh.migrator(renamed).wait_until_current().await.unwrap_err();
    assert_eq!(error.code(), "renamed", "{error}");
    // A build that was rolled back: the database has more, which the policy decides.
    let older = || fresh.migrator([insert(1, "one")]);
    let report = older().wait_until_current().await.unwrap();
    assert_eq!((report.looks, report.ahead.len()), (1, 1));
    let refusing = older().database_ahead(DatabaseAhead::Refuse);
    let error = refusing.wait_until_current().await.unwrap_err();
    assert_eq!(error.code(), "database_ahead", "{error}");
    fresh.pass().await;
}

/// The verb in an init container: the server comes up later, and the migrations later still.
#[tokio::test]
async fn the_verb_outlasts_a_server_that_is_not_up_yet() {
    let fresh = TestDb::new("the_verb_outlasts").await;
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let uri = format!("mongodb://{port}/?directConnection=true&serverSelectionTimeoutMS=200");
    let app = |verb: &[&str], uri: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_two_crates"));
        command.args(verb).env("MONGODB_URI", uri).env("MONGODB_DATABASE", fresh.db.name());
        command.stderr(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        command
    };
    let ended =
        app(&["wait", "--every", "100ms", "--timeout", "500ms"], &uri).output().await.unwrap();
    assert_eq!(ended.status.code(), Some(69), "{ended:?}");

    let mut waiting = app(&["wait", "--every", "100ms", "--json"], &uri).spawn().unwrap();
    let mut lines = BufReader::new(waiting.stderr.take().unwrap()).lines();
    let mut says = async |text: &str| {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains(text) {
                return;
            }
        }
        panic!("it never said {text:?}");
    };
    says("waiting: the server cannot be reached").await;
    let listener = TcpListener::bind(port).await.unwrap();
    let server = host(&fresh.uri).to_owned();
    let taken = Arc::new(Mutex::new(0));
    let forwarding = tokio::spawn({
        let taken = Arc::clone(&taken);
        async move {
            loop {
                let (mut from, _) = listener.accept().await.unwrap();
                *taken.lock().unwrap() += 1;
                let mut to = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(async move { copy_bidirectional(&mut from, &mut to).await });
            }
        }
    });
    says("migrations are pending, the first is").await;
    let status = app(&["up"], &fresh.uri).output().await.unwrap().status;
    assert!(status.success());
    let ended = waiting.wait_with_output().await.unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let report: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert!(report["looks"].as_u64().unwrap() > 1, "{report}");
    assert!(*taken.lock().unwrap() > 0);
    forwarding.abort();
    fresh.pass().await;
}
