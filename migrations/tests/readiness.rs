//! The example's readiness probe is false until `on_start` is done, and true from then on.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{net::TcpListener, path::PathBuf, time::Duration};

use mongrate::Migration;
use mongrate_tests::TestDb;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
    sync::Notify,
};

static INSIDE: Notify = Notify::const_new();
static GO: Notify = Notify::const_new();

/// `cargo test` builds it beside this test.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let path = profile.join("examples").join(format!("readiness{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "`cargo test -p clinic` builds the example; with `--test` it does not");
    path
}

/// The status of an answer, if there is one.
async fn get(port: u16, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// Within a minute.
async fn until(port: u16, path: &str, wanted: u16) {
    for _ in 0..600 {
        if get(port, path).await == Some(wanted) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{path} does not answer {wanted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn not_ready_until_the_migrations_are_done() {
    let fresh = TestDb::new("readiness").await;
    // Another process migrates, and takes its time.
    let slow = Migration::transactional(1, "greet", |_| {
        Box::pin(async {
            INSIDE.notify_one();
            GO.notified().await;
            Err("gives up".into())
        })
    });
    let other = fresh.migrator([slow]);
    let migrating = tokio::spawn(async move { other.up().await });
    INSIDE.notified().await;

    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut service = Command::new(example())
        .arg(format!("127.0.0.1:{port}"))
        .env("MONGODB_URI", &fresh.uri)
        .env("MONGODB_DATABASE", fresh.db.name())
        .env_remove("MIGRATE_ON_START")
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    until(port, "/alive", 200).await;
    assert_eq!(get(port, "/ready").await, Some(503));
    GO.notify_one();
    migrating.await.unwrap().unwrap_err();
    until(port, "/ready", 200).await;
    service.kill().await.unwrap();
    fresh.pass().await;
}
