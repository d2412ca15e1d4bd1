//! A service as a process, and what a visitor of it sees: for the tests of the examples.

use std::{net::TcpListener, time::Duration};

use mongrate::{
    bson::doc,
    mongodb::{Client, Database},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Child,
};

use crate::TestDb;

/// A port that nobody listens on.
///
/// # Panics
///
/// When there is none.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The status of an answer and its text, if there is one.
pub async fn get(port: u16, path: &str, token: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
}

/// The first answer of all.
///
/// # Panics
///
/// When there is none within a minute.
pub async fn first(port: u16, path: &str, token: &str) -> (u16, String) {
    for _ in 0..600 {
        if let Some(answer) = get(port, path, token).await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{path} does not answer");
}

/// Waits for an answer with this status.
///
/// # Panics
///
/// When there is none within a minute.
pub async fn until(port: u16, path: &str, token: &str, wanted: u16) {
    for _ in 0..600 {
        if get(port, path, token).await.is_some_and(|(status, _)| status == wanted) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{path} does not answer {wanted}");
}

/// Sends a signal such as `-INT`.
///
/// # Panics
///
/// When the process is gone.
pub async fn signal(child: &Child, signal: &str) {
    let pid = child.id().unwrap().to_string();
    let sent = tokio::process::Command::new("kill").args([signal, &pid]).status().await;
    assert!(sent.unwrap().success());
}

/// An `insert` that the server holds up for ten seconds: the next one of the client with this name.
#[derive(Debug)]
pub struct HeldUp {
    admin: Database,
    entered: i64,
    /// The URI with the name of that client.
    pub uri: String,
}

impl HeldUp {
    /// Prepares the server.
    ///
    /// # Panics
    ///
    /// When the server cannot be reached, or was started without test commands.
    pub async fn insert_of(app: &str, fresh: &TestDb) -> Self {
        let mark = if fresh.uri.contains('?') { '&' } else { '?' };
        let uri = format!("{}{mark}appName={app}", fresh.uri);
        let admin = Client::with_uri_str(&fresh.uri).await.unwrap().database("admin");
        let set = doc! {
            "configureFailPoint": "failCommand",
            "mode": { "times": 1 },
            "data": {
                "failCommands": ["insert"], "appName": app,
                "blockConnection": true, "blockTimeMS": 10_000,
            },
        };
        let reply = admin.run_command(set).await.unwrap();
        let entered = reply.get("count").unwrap();
        let entered = entered.as_i64().or_else(|| entered.as_i32().map(i64::from)).unwrap();
        Self { admin, entered, uri }
    }

    /// Waits until the insert is there.
    ///
    /// # Panics
    ///
    /// When it does not come within a minute.
    pub async fn is_there(&self) {
        let wait = doc! {
            "waitForFailPoint": "failCommand",
            "timesEntered": self.entered + 1,
            "maxTimeMS": 60_000,
        };
        self.admin.run_command(wait).await.unwrap();
    }
}
