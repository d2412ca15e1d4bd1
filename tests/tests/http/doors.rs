//! Who gets in: routes under every prefix, routers inside of other apps, guessed tokens, clients that
//! do not read.

use std::{collections::BTreeSet, io::ErrorKind, net::SocketAddr, time::Duration};

use mongrate::{
    CancellationToken, Migrator,
    http::{
        Api,
        axum::{
            Router,
            body::Body,
            http::{Method, Request, header},
            routing::get,
        },
    },
    mongodb::{Client, options::ClientOptions},
};
use mongrate_tests::{TestDb, effect};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    time::{sleep, timeout},
};
use tower::ServiceExt as _;

use crate::{
    support::{Answer, PREFIX, READ, WRITE, auth},
    wire::{Served, ask, command, split},
};

/// How long the slowest step of a test may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Every endpoint but the page.
const ENDPOINTS: [&str; 26] = [
    "/audit",
    "/audit/verify",
    "/audit/enable",
    "/audit/disable",
    "/audit/prune",
    "/status",
    "/plan",
    "/plan/file",
    "/plan/run",
    "/history",
    "/doctor",
    "/drift",
    "/lock/status",
    "/lock/release",
    "/migrations/1",
    "/tags",
    "/runs",
    "/runs/1",
    "/runs/1/pause",
    "/runs/1/resume",
    "/runs/1/tune",
    "/runs/1/cancel",
    "/events",
    "/openapi.json",
    "/up",
    "/down",
];

/// An interface over a server that is never asked.
fn api() -> Api {
    let options = ClientOptions::builder().hosts(Vec::new()).build();
    let db = Client::with_options(options).unwrap().database("none");
    Api::new(Migrator::with(&db, [effect!(1)]), auth())
}

async fn send(router: &Router, method: Method, path: &str, token: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "a.test");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Body::empty()).unwrap();
    Answer::of(router.clone().oneshot(request).await.unwrap()).await
}

/// The same routes in every place that an app may give them, and where that is.
fn mounted(api: &Api, prefix: &str) -> Vec<(String, Router)> {
    let own = || api.clone().prefix(prefix).unwrap().router();
    let mut all = vec![
        (String::new(), own()),
        (String::new(), Router::new().merge(own())),
        (String::new(), Router::new().route("/host", get(async || "host")).merge(own())),
        (String::new(), Router::new().fallback_service(own())),
        ("/admin".to_owned(), Router::new().nest("/admin", own())),
        ("/admin".to_owned(), Router::new().nest_service("/admin", own())),
        ("/a/b".to_owned(), Router::new().nest("/a", Router::new().nest("/b", own()))),
    ];
    if !prefix.is_empty() {
        all.push((prefix.to_owned(), Router::new().nest(prefix, own())));
        all.push((prefix.to_owned(), Router::new().nest_service(prefix, own())));
    }
    all
}

#[tokio::test]
async fn under_no_prefix_is_a_door_open() {
    let prefixes = [
        "",
        "/status",
        "/history",
        "/audit",
        "/plan",
        "/doctor",
        "/drift",
        "/events",
        "/openapi.json",
        "/lock",
        "/lock/status",
        "/runs",
        "/runs/1",
        "/runs/1/pause",
        "/up",
        "/down",
        "/status/status",
        "/api/migrations",
        "/api/api",
        "/x",
    ];
    let api = api();
    for prefix in prefixes {
        for (mount, router) in mounted(&api, prefix) {
            let base = format!("{mount}{prefix}");
            // Some are the same, depending on the place.
            let mut tried = BTreeSet::from([
                format!("{base}{prefix}"),
                format!("{base}{prefix}/"),
                format!("{base}//"),
                format!("/{base}"),
                format!("/{base}/"),
                format!("{base}/."),
                format!("{base}/%2e"),
                format!("{base}%2f"),
                format!("{prefix}{base}"),
                "/".to_owned(),
            ]);
            for path in ENDPOINTS {
                tried.extend([
                    format!("{base}{path}"),
                    format!("{base}{path}/"),
                    format!("{base}{path}{path}"),
                    format!("{base}{prefix}{path}"),
                    format!("{base}/{path}"),
                    format!("/{base}{path}"),
                    format!("{base}{path}{prefix}"),
                    format!("{prefix}{path}"),
                    format!("{mount}{path}"),
                    format!("{base}/x/..{path}"),
                    path.to_owned(),
                ]);
            }
            let page = [base.clone(), format!("{base}/")];
            for path in tried.iter().filter(|path| path.starts_with('/') && !page.contains(path)) {
                for method in [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS] {
                    let answer = send(&router, method.clone(), path, None).await;
                    let status = answer.status.as_u16();
                    // A service that is nested may be given `/` for more paths than one; the
                    // page holds no data.
                    let is_page = status == 200
                        && mount == "/admin"
                        && prefix.is_empty()
                        && answer.header("content-type").starts_with("text/html");
                    let is_closed = matches!(status, 401 | 404) || is_page;
                    assert!(is_closed, "{method} {path} (prefix {prefix}, in {mount}): {status}");
                }
            }
            for path in ENDPOINTS {
                for method in [Method::GET, Method::POST, Method::PUT] {
                    let path = format!("{base}{path}");
                    let answer = send(&router, method.clone(), &path, None).await;
                    assert_eq!(answer.status.as_u16(), 401, "{method} {path}");
                }
            }
            // What is open is the page, and what is closed opens with a token.
            for path in page.iter().filter(|path| !path.is_empty()) {
                // Nested, a router at the root of its own has no slash at its end.
                let status = send(&router, Method::GET, path, None).await.status.as_u16();
                let is_fine =
                    status == 200 || (prefix.is_empty() && !mount.is_empty() && status == 404);
                assert!(is_fine, "{path} (prefix {prefix}, in {mount}): {status}");
                let answer = send(&router, Method::POST, path, None).await;
                assert!(matches!(answer.status.as_u16(), 401 | 404), "{path}: {answer:?}");
            }
            let path = format!("{base}/openapi.json");
            let answer = send(&router, Method::GET, &path, Some(READ)).await;
            assert_eq!(answer.status.as_u16(), 200, "{path} (prefix {prefix}, in {mount})");
            // It says where it is.
            let url = if base.is_empty() { "/" } else { &base };
            assert_eq!(answer.json()["servers"][0]["url"], url, "prefix {prefix}, in {mount}");
        }
    }
}

#[tokio::test]
async fn what_is_not_ours_stays_the_apps() {
    let api = api();
    for prefix in ["/api/migrations", "/status", ""] {
        let own = || api.clone().prefix(prefix).unwrap().router();
        let host = || Router::new().route("/shop", get(async || "the shop"));
        let with_fallback = || host().fallback(async || "the app's own");
        for (router, expected) in [
            (host().merge(own()), (404, "")),
            (own().merge(host()), (404, "")),
            (with_fallback().merge(own()), (200, "the app's own")),
            (own().merge(with_fallback()), (200, "the app's own")),
        ] {
            for path in ["/unknown", "/shop/unknown", "/api", "/api/migrationsx", "/statusx/y"] {
                for token in [None, Some("a-token-that-is-none"), Some(WRITE)] {
                    let answer = send(&router, Method::GET, path, token).await;
                    let found = (answer.status.as_u16(), answer.text.as_str());
                    assert_eq!(found, expected, "{path} (prefix {prefix})");
                    assert_eq!(answer.header("content-security-policy"), "", "{path}");
                    assert_eq!(answer.header("connection"), "", "{path}");
                }
            }
            assert_eq!(send(&router, Method::GET, "/shop", None).await.text, "the shop");
            let answer = send(&router, Method::POST, "/shop", None).await;
            assert_eq!((answer.status.as_u16(), answer.header("x-frame-options")), (405, ""));
        }
    }
}

/// `serve` in this process.
async fn serve() -> (SocketAddr, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let (api, until) = (api(), stop.clone());
    tokio::spawn(async move { api.serve(listener, until).await.unwrap() });
    (address, stop)
}

/// From another address of this machine.
async fn connect_from(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    timeout(PATIENCE, socket.connect(to)).await.expect("it is let in").unwrap()
}

async fn ask_from(from: &str, to: SocketAddr, token: &str) -> (u16, String) {
    let head = format!(
        "GET {PREFIX}/openapi.json HTTP/1.1\r\nHost: {to}\r\nAuthorization: Bearer {token}\r\n\
         Connection: close\r\n\r\n"
    );
    let mut stream = connect_from(from, to).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut text)).await.expect("it is answered").unwrap();
    let (status, _) = split(&text);
    (status, text)
}

/// Pipelined requests.
fn many(path: &str, token: Option<&str>, count: usize) -> String {
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let token = token.unwrap_or_default();
    format!("GET {PREFIX}{path} HTTP/1.1\r\nHost: localhost\r\n{token}\r\n").repeat(count)
}

/// More than a server has places, if this process may have as many.
fn crowd() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits.lines().find(|line| line.starts_with("Max open files"));
    let files = files.and_then(|line| line.split_whitespace().nth(3)?.parse::<usize>().ok());
    files.map_or(300, |files| (files / 4).min(2_100))
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_do_not_read_keep_no_others_waiting() {
    let (address, stop) = serve().await;
    let crowd = crowd();
    let mut stalled = Vec::new();
    for n in 0..crowd {
        let Ok(mut stream) = TcpStream::connect(address).await else { continue };
        let asked = match n % 4 {
            // Clients without a token: they ask for what needs one, or for the page, or for nothing.
            0 => many("/status", None, 300),
            1 => many("", None, 300),
            2 => String::new(),
            // Half a head.
            _ => format!("GET {PREFIX} HTTP/1.1\r\nHost:"),
        };
        // It may be closed by now, as it is asked too much.
        let _ = stream.try_write(asked.as_bytes());
        let _ = stream.flush().await;
        stalled.push(stream);
    }
    // A few with a token that do not read either; each waits for megabytes.
    for _ in 0..50 {
        let mut stream = connect_from("127.0.0.3", address).await;
        stream.write_all(many("/openapi.json", Some(READ), 300).as_bytes()).await.unwrap();
        stalled.push(stream);
    }
    for from in ["127.0.0.1", "127.0.0.2", "127.0.0.3"] {
        for _ in 0..20 {
            let (status, text) = ask_from(from, address, READ).await;
            assert_eq!(status, 200, "{from}: {text}");
        }
    }
    // The server does not wait for a client that does not read: its connection ends.
    let last = stalled.pop().unwrap();
    let cut = async {
        while last
            .try_write(b"x")
            .map_or_else(|error| error.kind() == ErrorKind::WouldBlock, |_| true)
        {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, cut).await.expect("the connection is cut");
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_not_signed_in_gets_one_answer_per_connection() {
    let (address, stop) = serve().await;
    let answers = async |asked: String| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(asked.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        // The rest of what was sent is not read, so the end may be a rough one.
        let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("it ends");
        String::from_utf8_lossy(&bytes).into_owned()
    };
    for (path, token) in
        [("/status", None), ("", None), ("/status", Some("a-wrong-one-0123456789"))]
    {
        let text = answers(many(path, token, 3)).await;
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{path}: {text}");
        assert!(text.to_ascii_lowercase().contains("connection: close"), "{path}: {text}");
    }
    // A body that never comes is not waited for.
    let text = answers(format!(
        "POST {PREFIX}/up HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: 1000\r\n\r\n"
    ))
    .await;
    assert!(text.starts_with("HTTP/1.1 401"), "{text}");
    // A client that is signed in is still answered.
    let last =
        many("/openapi.json", Some(READ), 1).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let text = answers(many("/openapi.json", Some(READ), 2) + &last).await;
    assert_eq!(text.matches("HTTP/1.1 200").count(), 3);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_guesses_is_slowed_down_and_logged() {
    let fresh = TestDb::new("http_guesses").await;
    let served = Served::start(command(&fresh, &[])).await;
    // Another user at the same address.
    let (status, _) = ask(served.address, "GET", "/openapi.json", READ, "").await;
    assert_eq!(status, 200);
    let mut statuses = Vec::new();
    for n in 0..200 {
        let guess = format!("a-guess-0123456789abcdef-{n}");
        let (status, text) = ask_from("127.0.0.1", served.address, &guess).await;
        if status == 429 {
            let problem: serde_json::Value = serde_json::from_str(&split(&text).1).unwrap();
            assert_eq!(problem["code"], "too_many_attempts", "{text}");
            assert!(text.to_ascii_lowercase().contains("retry-after: 1"), "{text}");
        }
        statuses.push(status);
    }
    assert!(statuses[..64].iter().all(|status| *status == 401), "{statuses:?}");
    let slowed = statuses.iter().filter(|status| **status == 429).count();
    assert!(slowed > 50, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
    // Other addresses are not slowed down, and a client that was let in before is not kept out.
    assert_eq!(ask_from("127.0.0.2", served.address, READ).await.0, 200);
    assert_eq!(ask_from("127.0.0.2", served.address, "another-guess-0123456").await.0, 401);
    assert_eq!(ask_from("127.0.0.1", served.address, READ).await.0, 200);
    let (_, said) = served.end("TERM").await;
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("is not known")).collect();
    assert!(lines.iter().all(|line| line.contains("mongrate::audit") || line.contains("WARN")));
    assert!(lines.iter().any(|line| line.contains("peer=\"127.0.0.1\"")), "{said}");
    assert!(lines.iter().any(|line| line.contains("peer=\"127.0.0.2\"")), "{said}");
    assert!(lines.iter().any(|line| line.contains("count=100")), "{said}");
    assert!(lines.len() < 10, "a sample is enough: {said}");
    assert!(!said.contains("a-guess"), "{said}");
    fresh.pass().await;
}
