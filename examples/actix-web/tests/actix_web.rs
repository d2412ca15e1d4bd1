//! The service as a process: its own port answers once the database is migrated, the side port has the dashboard,
//! and Ctrl-C ends both.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{net::TcpListener, time::Duration};

use mongrate_tests::TestDb;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
};

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

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn it_serves_when_it_has_migrated() {
    let fresh = TestDb::new("actix_web").await;
    let (port, ops) = (free_port(), free_port());
    let mut service = Command::new(env!("CARGO_BIN_EXE_mongrate-example-actix-web"))
        .env("LISTEN", format!("127.0.0.1:{port}"))
        .env("OPS_LISTEN", format!("127.0.0.1:{ops}"))
        .env("OPS_TOKEN", TOKEN)
        .env("MONGODB_URI", &fresh.uri)
        .env("MONGODB_DATABASE", fresh.db.name())
        .env_remove("MIGRATE_ON_START")
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // Its first answer of all: the port was not open before the migration was applied.
    let mut answer = None;
    for _ in 0..600 {
        answer = get(port, "/greeting").await;
        if answer.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(answer, Some((200, "hello".to_owned())));
    let (status, text) = get(ops, "/api/migrations/status").await.unwrap();
    assert_eq!(status, 200, "{text}");
    assert!(text.contains(r#""state":"applied""#), "{text}");
    assert_eq!(
        get(port, "/api/migrations/status").await.unwrap().0,
        404,
        "not on the service's own port"
    );

    let pid = service.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
    assert!(service.wait().await.unwrap().success());
    fresh.pass().await;
}
