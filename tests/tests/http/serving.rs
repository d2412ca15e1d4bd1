//! The server: `serve` as a process, and many clients at once.

use mongrate::{CancellationToken, Migration};
use mongrate_tests::{
    TestDb, effect,
    effects::{self, assert_exactly_once},
    receiver::{Receiver, Reply},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Notify, Semaphore},
};

use crate::{
    support::{HttpClient, PREFIX, READ, WRITE},
    wire::{Served, ask, command, split},
};

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_clients_do_not_disturb_a_run() {
    static INSIDE: Notify = Notify::const_new();
    static GATE: Semaphore = Semaphore::const_new(0);
    let fresh = TestDb::new("http_crowd").await;
    let gated = Migration::transactional(2, "gated", |tx| {
        Box::pin(async move {
            effects::leave(tx, 2).await?;
            INSIDE.notify_one();
            GATE.acquire().await?.forget();
            Ok(())
        })
    });
    let client = HttpClient::over(&fresh, [effect!(1), gated, effect!(3)]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let (api, until) = (client.api.clone(), stop.clone());
    let server = tokio::spawn(async move { api.serve(listener, until).await });

    let (status, body) = ask(address, "POST", "/up", WRITE, "{}").await;
    assert_eq!(status, 202, "{body}");
    INSIDE.notified().await;
    let clients: Vec<_> = (0..500)
        .map(|n| {
            tokio::spawn(async move {
                match n % 10 {
                    0 => listen(address).await,
                    1 => ask(address, "POST", "/up", WRITE, "{}").await.0,
                    2 => ask(address, "GET", "/history", READ, "").await.0,
                    3 => ask(address, "GET", "/plan", READ, "").await.0,
                    4 => ask(address, "GET", "/status", "a-stranger-without-a-token", "").await.0,
                    5 => ask(address, "GET", "/lock/status", READ, "").await.0,
                    _ => ask(address, "GET", "/status", READ, "").await.0,
                }
            })
        })
        .collect();
    for (n, client) in clients.into_iter().enumerate() {
        let status = client.await.unwrap();
        let expected = match n % 10 {
            1 => 409,
            4 => 401,
            _ => 200,
        };
        assert_eq!(status, expected, "client {n}");
    }
    GATE.add_permits(1);
    while client.get("/lock/status").await.json()["held"] == true {
        tokio::task::yield_now().await;
    }
    assert_exactly_once(&fresh.db, 1..=3).await;
    stop.cancel();
    server.await.unwrap().unwrap();
    fresh.pass().await;
}

/// Opens the stream of events, and reads how things stand.
async fn listen(address: std::net::SocketAddr) -> u16 {
    let head = format!(
        "GET {PREFIX}/events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {READ}\r\n\r\n"
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    let mut buffer = [0; 4_096];
    while !text.contains("event: state") {
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "{text}");
        text += std::str::from_utf8(&buffer[..read]).unwrap();
    }
    split(&text).0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_is_refused() {
    let fresh = TestDb::new("http_head").await;
    let served = Served::start(command(&fresh, &[])).await;
    for head in [
        format!("GET / HTTP/1.1\r\nHost: x\r\nX-Large: {}\r\n\r\n", "x".repeat(100_000)),
        format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: x\r\n".repeat(500)),
    ] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let _ = stream.write_all(head.as_bytes()).await;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 431"), "{text}");
    }
    // Names that are not this machine's are not served.
    let strange = format!(
        "GET {PREFIX}/status HTTP/1.1\r\nHost: evil.test\r\nAuthorization: Bearer {READ}\r\n\
         Connection: close\r\n\r\n"
    );
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(strange.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert_eq!(split(&text).0, 421, "{text}");
    served.end("INT").await;
    fresh.pass().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_the_run_and_then_the_server() {
    let fresh = TestDb::new("http_sigterm").await;
    let mut command = command(&fresh, &[]);
    command.env("SERVED_HANGS", "1");
    let mut served = Served::start(command).await;
    let (status, body) = ask(served.address, "POST", "/up", WRITE, "{}").await;
    assert_eq!(status, 202, "{body}");
    served.says("inside").await;
    let (status, said) = served.end("TERM").await;
    assert_eq!(status.code(), Some(0), "{said}");
    // Who did what is in the log, with what came of it.
    assert!(said.contains("a run was asked for") && said.contains("token=\"write\""), "{said}");
    assert!(said.contains("outcome=\"cancelled\""), "{said}");
    assert!(!said.contains(WRITE), "{said}");

    let control = fresh.db.collection::<mongrate::bson::Document>("migrations");
    let lock = control.find_one(mongrate::bson::doc! { "_id": "lock" }).await.unwrap().unwrap();
    assert!(lock.get_str("owner").is_err(), "the lock was given back: {lock}");
    let record = control.find_one(mongrate::bson::doc! { "_id": 3_i64 }).await.unwrap().unwrap();
    assert_eq!(record.get_str("state").unwrap(), "cancelled", "{record}");
    let users = fresh.db.collection::<mongrate::bson::Document>("users");
    assert_eq!(users.count_documents(mongrate::bson::doc! {}).await.unwrap(), 3);
    fresh.pass().await;
}

/// The end of the process waits for the webhook, which is not there at first; and a token has a name.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_the_webhook_have_the_last_event() {
    let fresh = TestDb::new("http_webhook").await;
    let receiver = Receiver::start([Reply::Status(200), Reply::Status(503), Reply::Status(503)]);
    let mut command = command(&fresh, &["--webhook-events", "run.*"]);
    command.env("SERVED_HANGS", "1").env("MONGRATE_WEBHOOK", receiver.url("/secret-of-a-webhook"));
    let mut served = Served::start(command).await;
    let (status, body) = ask(served.address, "POST", "/up", WRITE, "{}").await;
    assert_eq!(status, 202, "{body}");
    served.says("inside").await;
    let (status, said) = served.end("TERM").await;
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(!said.contains("secret-of-a-webhook") && !said.contains("does not have"), "{said}");
    assert_eq!(receiver.names(), ["run.began", "run.ended", "run.ended", "run.ended"]);
    let ended = receiver.received()[3].json();
    assert_eq!(ended["data"]["outcome"], "cancelled");
    let app = ended["data"]["run"]["app"].as_str().unwrap();
    assert!(app.ends_with("HTTP token write"), "{app}");
    fresh.pass().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_the_last_event_out() {
    let fresh = TestDb::new("http_sigterm_event").await;
    let mut command = command(&fresh, &[]);
    command.env("SERVED_HANGS", "1");
    let mut served = Served::start(command).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head = format!(
        "GET {PREFIX}/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {READ}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    ask(served.address, "POST", "/up", WRITE, "{}").await;
    served.says("inside").await;
    let reading = tokio::spawn(async move {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    });
    let (status, said) = served.end("TERM").await;
    assert_eq!(status.code(), Some(0), "{said}");
    let heard = reading.await.unwrap();
    let last = heard.rsplit("event: ").next().unwrap();
    assert!(last.starts_with("run\n") && last.contains(r#""state":"cancelled""#), "{heard}");
    // In whole: the last chunk is there.
    assert!(heard.ends_with("0\r\n\r\n"), "{heard}");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_knows_the_run_by_its_id_and_ends_it() {
    let fresh = TestDb::new("http_two_processes").await;
    let mut hanging = command(&fresh, &[]);
    hanging.env("SERVED_HANGS", "1");
    let mut one = Served::start(hanging).await;
    let other = Served::start(command(&fresh, &[])).await;
    let (_, run) = ask(one.address, "POST", "/up", WRITE, "{}").await;
    one.says("inside").await;
    let run: Value = serde_json::from_str(&run).unwrap();
    let path = format!("/runs/{}", run["id"].as_str().unwrap());
    assert_eq!(ask(one.address, "GET", &path, READ, "").await.0, 200);
    for path in [&*path, "/runs/current"] {
        let (status, text) = ask(other.address, "GET", path, READ, "").await;
        let told: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, &told["id"]), (200, &run["id"]), "{told}");
        assert_eq!((&told["state"], &told["here"]), (&"running".into(), &false.into()), "{told}");
        assert_eq!((&told["fence"], &told["by"]), (&run["fence"], &run["by"]), "{told}");
        assert_eq!(told["process"]["pid"], one.pid(), "{told}");
    }
    // No run of this process, and none of that one.
    let strange = path.replace(&format!("-{}-", one.pid()), &format!("-{}-", other.pid()));
    assert_eq!(ask(other.address, "GET", &strange, READ, "").await.0, 404);
    let (status, text) =
        ask(other.address, "POST", &format!("{strange}/cancel"), WRITE, "{}").await;
    assert_eq!(status, 404, "{text}");
    let (status, text) = ask(other.address, "POST", &format!("{path}/cancel"), WRITE, "{}").await;
    assert_eq!(status, 200, "{text}");
    // Its next heartbeat tells it.
    loop {
        let (_, text) = ask(other.address, "GET", &path, READ, "").await;
        let told: Value = serde_json::from_str(&text).unwrap();
        if told["state"] != "running" {
            assert_eq!(told["state"], "cancelled", "{told}");
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    one.end("TERM").await;
    other.end("TERM").await;
    fresh.pass().await;
}

/// Would be a line of the audit log, if a line could be begun.
const FORGED: &str = "no such user\n2026-01-01T00:00:00.000000Z  INFO mongrate::audit: a run was \
                      asked for token=\"nobody\"\r\n\u{1b}[2K\u{1b}]0;title\u{7}\u{202e}txt\u{2028}next";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_migration_says_forges_no_line_of_the_log() {
    let hidden = |c: &char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2028}');
    for arguments in [&[][..], &["--log", "json"], &["-v"], &["-vv"], &["--log", "mongrate=trace"]]
    {
        let fresh = TestDb::new("http_forged").await;
        let mut command = command(&fresh, arguments);
        command.env("SERVED_FAILS", FORGED);
        let served = Served::start(command).await;
        let (_, _) = ask(served.address, "POST", "/up", WRITE, "{}").await;
        while ask(served.address, "GET", "/status", READ, "").await.1.contains("\"held\":true") {
            tokio::task::yield_now().await;
        }
        let (_, said) = served.end("TERM").await;
        let failures: Vec<&str> =
            said.lines().filter(|line| line.contains("no such user")).collect();
        assert!(!failures.is_empty(), "{arguments:?}: {said}");
        for line in said.lines() {
            let strange: Vec<char> = line.chars().filter(hidden).collect();
            assert!(strange.is_empty(), "{arguments:?}: {strange:?} in {line:?}");
            assert!(!line.starts_with("2026-01-01T00:00:00.000000Z"), "{arguments:?}: {said}");
            if arguments.contains(&"json") && !line.starts_with("cancelling") {
                let event: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
                assert!(event["level"].is_string(), "{line}");
            }
        }
        // It is told all the same.
        assert!(failures.iter().any(|line| line.contains("nobody")), "{arguments:?}: {said}");
        fresh.pass().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_not_start_without_tokens() {
    use std::os::unix::fs::PermissionsExt as _;

    let fresh = TestDb::new("http_no_token").await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "ci read 0123456789abcdef0123").unwrap();
    let exposed = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(file.path(), exposed).unwrap();
    let path = file.path().to_str().unwrap();
    for (arguments, tokens, code, exit) in [
        (&[][..], "", "no_token", 64),
        (&[], "short", "bad_token", 64),
        (&["--tokens-file", path], "", "bad_token", 64),
        (&["--tokens-file", "/no/such/file"], "", "bad_token", 64),
        (&["--token", WRITE], WRITE, "usage", 64),
        (&["--prefix", "/{x}"], WRITE, "settings", 64),
    ] {
        let mut command = command(&fresh, arguments);
        command.env("MONGRATE_READ_TOKEN", "").env("MONGRATE_WRITE_TOKEN", tokens);
        let output = command.output().await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let error: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
        assert_eq!(error["error"]["code"], code, "{arguments:?}: {error}");
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {error}");
        assert!(!said.contains("0123456789abcdef0123"), "{said}");
    }
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_in_nothing_that_is_said() {
    const CANARY: &str = "canary-Pa55word";
    let fresh = TestDb::new("http_password").await;
    let mut command = command(&fresh, &["-vv"]);
    let uri = format!("mongodb://root:{CANARY}@127.0.0.1:1/?serverSelectionTimeoutMS=200");
    command.env("MONGODB_URI", uri).env("SERVED_FAILS", CANARY);
    let served = Served::start(command).await;
    for (method, path, body) in [
        ("GET", "/status", ""),
        ("GET", "/plan", ""),
        ("POST", "/up", "{}"),
        ("POST", "/down", "{}"),
    ] {
        let (status, text) = ask(served.address, method, path, WRITE, body).await;
        assert_eq!(status, 503, "{text}");
        assert!(!text.contains(CANARY), "{text}");
    }
    let (_, said) = served.end("TERM").await;
    assert!(said.contains("a run was asked for"), "{said}");
    assert!(!said.contains(CANARY), "{said}");
    fresh.pass().await;
}
