//! The service as a process, beside another process that migrates: not ready until the migrations are done,
//! but the dashboard's interface answers.

use std::{net::TcpListener, time::Duration};

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

const TOKEN: &str = "a-token-of-the-test";

/// The status of an answer and its text, if there is one.
async fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {TOKEN}\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
}

/// Within a minute.
async fn until(port: u16, path: &str, wanted: u16) {
    for _ in 0..600 {
        if get(port, path).await.is_some_and(|(status, _)| status == wanted) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{path} does not answer {wanted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn not_ready_until_the_migrations_are_done() {
    let fresh = TestDb::new("axum").await;
    // Another process migrates, and takes its time.
    let slow = Migration::transactional(20_250_122_001, "greet", |_| {
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
    let mut service = Command::new(env!("CARGO_BIN_EXE_mongrate-example-axum"))
        .env("LISTEN", format!("127.0.0.1:{port}"))
        .env("MONGODB_URI", &fresh.uri)
        .env("MONGODB_DATABASE", fresh.db.name())
        .env("OPS_TOKEN", TOKEN)
        .env_remove("MIGRATE_ON_START")
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    until(port, "/alive", 200).await;
    assert_eq!(get(port, "/ready").await.unwrap().0, 503);
    let (status, text) = get(port, "/api/migrations/status").await.unwrap();
    assert_eq!(status, 200, "{text}");
    assert!(text.contains(r#""held":true"#), "{text}");

    GO.notify_one();
    migrating.await.unwrap().unwrap_err();
    until(port, "/ready", 200).await;
    assert_eq!(get(port, "/greeting").await.unwrap(), (200, "hello".to_owned()));
    let (_, text) = get(port, "/api/migrations/status").await.unwrap();
    assert!(text.contains(r#""state":"applied""#), "{text}");
    service.kill().await.unwrap();
    fresh.pass().await;
}
