//! What the interface keeps out, and what it keeps to itself.

use std::{pin::Pin, task::Poll};

use mongrate::{
    BoxError, Migration, Migrator,
    bson::{Document, doc},
    http::{
        Api, Auth, Identity, Scope,
        axum::{
            body::Body,
            http::{Method, Request, StatusCode, header},
            middleware::{self, Next},
        },
    },
    mongodb::{Client, options::ClientOptions},
};
use mongrate_tests::{TestDb, effect, effects::present};

use crate::support::{Answer, HttpClient, PREFIX, READ, WRITE, auth, request};

/// Every endpoint but the page.
const ENDPOINTS: [(Method, &str); 12] = [
    (Method::GET, "/status"),
    (Method::GET, "/plan"),
    (Method::GET, "/history"),
    (Method::GET, "/drift"),
    (Method::GET, "/lock/status"),
    (Method::GET, "/runs/1"),
    (Method::GET, "/events"),
    (Method::GET, "/openapi.json"),
    (Method::POST, "/up"),
    (Method::POST, "/down"),
    (Method::POST, "/lock/release"),
    (Method::POST, "/"),
];

/// A router over a server that is never asked.
fn nowhere() -> HttpClient {
    let options = ClientOptions::builder().hosts(Vec::new()).build();
    let db = Client::with_options(options).unwrap().database("none");
    HttpClient::with(Migrator::with(&db, [effect!(1)]))
}

#[tokio::test]
async fn no_client_gets_in_without_a_token() {
    let client = nowhere();
    let long = format!("Bearer {}", "x".repeat(600));
    let wrong = [
        None,
        Some(format!("Bearer {WRITE}x")),
        Some(format!("Bearer {}", &WRITE[1..])),
        Some(format!("bearer {}", WRITE.to_uppercase())),
        Some(format!("Basic {WRITE}")),
        Some("Bearer".to_owned()),
        Some(long),
    ];
    for (method, path) in ENDPOINTS.into_iter().chain([
        (Method::GET, "/no/such/path"),
        (Method::PUT, "/status"),
        (Method::OPTIONS, "/up"),
    ]) {
        for authorization in &wrong {
            let mut builder =
                Request::builder().method(method.clone()).uri(format!("{PREFIX}{path}"));
            if let Some(value) = authorization {
                builder = builder.header(header::AUTHORIZATION, value);
            }
            // Also not in any other place.
            builder = builder.header("cookie", format!("token={WRITE}")).header("x-token", WRITE);
            let answer = client.send(builder.body(Body::from("{}")).unwrap()).await;
            answer.is_problem(401, "unauthenticated");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
        }
        let asked = Request::builder()
            .method(method.clone())
            .uri(format!("{PREFIX}{path}?token={WRITE}&access_token={WRITE}"));
        client.send(asked.body(Body::empty()).unwrap()).await.is_problem(401, "unauthenticated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_may_read_changes_nothing() {
    let fresh = TestDb::new("http_scopes").await;
    let dir = tempfile::tempdir().unwrap();
    let api = Api::new(fresh.migrator([effect!(1)]), auth()).create_in(dir.path());
    let client = HttpClient::of(api);
    for (method, path) in ENDPOINTS {
        let body = match path {
            "/lock/release" => r#"{"fence": 0}"#,
            "/" => r#"{"name": "x"}"#,
            _ => "{}",
        };
        let asked = request(method.clone(), path, READ)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .unwrap();
        if method == Method::POST {
            let answer = client.send(asked).await;
            answer.is_problem(403, "insufficient_scope");
            assert!(answer.header("www-authenticate").contains("insufficient_scope"));
        }
    }
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    // What may write may read.
    let asked = request(Method::GET, "/status", WRITE).body(Body::empty()).unwrap();
    assert_eq!(client.send(asked).await.status, StatusCode::OK);
    fresh.pass().await;
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let client = nowhere();
    // Told apart by what comes next: the body is refused.
    let ask = async |client: &HttpClient, headers: &[(&str, &str)]| {
        client.post_with("/up", r#"{"unknown": 1}"#, headers).await
    };
    for refused in [
        &[("origin", "https://evil.test")][..],
        &[("origin", "null")],
        &[("origin", "https://migrations.test.evil.test")],
        &[("origin", "https://migrations.test:444")],
        &[("origin", "https://migrations.test@evil.test")],
        &[("origin", "migrations.test")],
        &[("origin", "file://")],
        &[("origin", "chrome-extension://migrations.test")],
        &[("origin", "https://migrations.test"), ("origin", "https://evil.test")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://migrations.test"), ("sec-fetch-site", "cross-site")],
    ] {
        let answer = ask(&client, refused).await;
        answer.is_problem(403, "cross_origin");
    }
    for fine in [
        &[][..],
        &[("origin", "https://migrations.test")],
        &[("origin", "http://MIGRATIONS.test:80")],
        &[("origin", "https://migrations.test"), ("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none")],
    ] {
        ask(&client, fine).await.is_problem(422, "usage");
    }
    let client = HttpClient::of(client.api.allow_origin("https://admin.test/"));
    let admin = [("origin", "https://admin.test"), ("sec-fetch-site", "cross-site")];
    ask(&client, &admin).await.is_problem(422, "usage");
    ask(&client, &[("origin", "http://admin.test")]).await.is_problem(403, "cross_origin");
}

#[tokio::test]
async fn only_json_that_says_so_is_read() {
    let client = nowhere();
    for kinds in [
        &[][..],
        &["text/plain"],
        &["application/x-www-form-urlencoded"],
        &["multipart/form-data; boundary=x"],
        &["application/jsonp"],
        &["application/json; charset=utf-16"],
        &["application/json", "text/plain"],
        &["text/plain; application/json"],
    ] {
        for path in ["/up", "/down", "/lock/release", "/"] {
            let mut builder = request(Method::POST, path, WRITE);
            for kind in kinds {
                builder = builder.header(header::CONTENT_TYPE, *kind);
            }
            let answer = client.send(builder.body(Body::from("{}")).unwrap()).await;
            answer.is_problem(415, "unsupported_media_type");
        }
    }
    let gzip = [("content-encoding", "gzip")];
    client.post_with("/up", "{}", &gzip).await.is_problem(415, "unsupported_media_type");
    for kind in ["application/json", "Application/JSON; charset=\"UTF-8\"", "application/json;"] {
        let builder = request(Method::POST, "/up", WRITE).header(header::CONTENT_TYPE, kind);
        client.send(builder.body(Body::from("[]")).unwrap()).await.is_problem(422, "usage");
    }
    for body in [
        "",
        "{",
        "nonsense",
        "{\"to\": 1} x",
        &"[".repeat(5_000),
        &"{\"a\":".repeat(2_000),
        "{\"to\": 1e999}",
    ] {
        let answer = client.post("/up", body).await;
        assert!(matches!(answer.status.as_u16(), 400 | 422), "{body}: {answer:?}");
    }
    let builder = request(Method::POST, "/up", WRITE).header("content-type", "application/json");
    let broken = builder.body(Body::from(&b"{\"\xff\": 1}"[..])).unwrap();
    assert!(client.send(broken).await.status.is_client_error());
}

#[tokio::test]
async fn everything_has_a_bound() {
    let client = nowhere();
    let large = format!("{{\"x\": \"{}\"}}", "x".repeat(20_000));
    client.post("/up", &large).await.is_problem(413, "too_large");
    // The client did not say in advance how large it is.
    let chunks = (0..100_000).map(|_| Ok::<_, std::io::Error>(" ".repeat(1_000)));
    let endless = Body::from_stream(futures_util::stream::iter(chunks));
    let builder = request(Method::POST, "/up", WRITE).header("content-type", "application/json");
    client.send(builder.body(endless).unwrap()).await.is_problem(413, "too_large");
    // Said too large, it is not even read.
    let builder = request(Method::POST, "/up", WRITE)
        .header("content-type", "application/json")
        .header("content-length", "99999999999999");
    client.send(builder.body(Body::empty()).unwrap()).await.is_problem(413, "too_large");

    let path = format!("/status?{}", "x".repeat(5_000));
    client.get(&path).await.is_problem(414, "too_large");
    let mut builder = request(Method::GET, "/status", READ);
    for n in 0..70 {
        builder = builder.header(format!("x-{n}"), "x");
    }
    client.send(builder.body(Body::empty()).unwrap()).await.is_problem(431, "too_large");
    let builder = request(Method::GET, "/status", READ).header("x-large", "x".repeat(17_000));
    client.send(builder.body(Body::empty()).unwrap()).await.is_problem(431, "too_large");
}

/// Polls it once.
async fn nudge<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Option<F::Output> {
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn requests_take_turns() {
    let client = nowhere();
    // Bodies that never come: each keeps a place.
    let slow = || {
        let client = client.clone();
        let body = Body::from_stream(futures_util::stream::pending::<std::io::Result<String>>());
        let builder =
            request(Method::POST, "/up", WRITE).header("content-type", "application/json");
        Box::pin(async move { client.send(builder.body(body).unwrap()).await })
    };
    let mut held: Vec<_> = (0..128).map(|_| slow()).collect();
    for one in &mut held {
        assert!(nudge(one).await.is_none());
    }
    let mut queued = Box::pin(client.get("/openapi.json"));
    assert!(nudge(&mut queued).await.is_none(), "it waits for its turn");
    let mut waiting: Vec<_> = (0..1_999).map(|_| Box::pin(client.get("/openapi.json"))).collect();
    for one in &mut waiting {
        assert!(nudge(one).await.is_none());
    }
    let refused = client.get("/openapi.json").await;
    refused.is_problem(503, "overloaded");
    assert_eq!(refused.header("retry-after"), "1");
    // A client that is not signed in takes no place.
    let stranger = Request::get(format!("{PREFIX}/status")).body(Body::empty()).unwrap();
    client.send(stranger).await.is_problem(401, "unauthenticated");
    held.pop();
    assert_eq!(queued.await.status, StatusCode::OK);
    for one in waiting {
        assert_eq!(one.await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_name_that_leads_here_by_foreign_dns_is_refused() {
    let client = nowhere();
    let client = HttpClient::of(client.api.allow_host("localhost").allow_host("127.0.0.1"));
    let at = async |host: &str, path: &str| {
        let asked = Request::get(format!("{PREFIX}{path}"))
            .header(header::HOST, host)
            .header(header::AUTHORIZATION, format!("Bearer {READ}"));
        client.send(asked.body(Body::empty()).unwrap()).await
    };
    for host in ["localhost", "localhost:6480", "LOCALHOST", "127.0.0.1:80"] {
        assert_eq!(at(host, "/openapi.json").await.status, StatusCode::OK, "{host}");
        assert_eq!(at(host, "").await.status, StatusCode::OK, "{host}");
    }
    for host in ["evil.test", "localhost.evil.test", "evil.test:6480", "127.0.0.1.evil.test", ""] {
        at(host, "/openapi.json").await.is_problem(421, "unknown_host");
        at(host, "").await.is_problem(421, "unknown_host");
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let client = nowhere();
    for path in ["/nothing", "/up/", "/status/x", "/../../etc/passwd", "/%2e%2e/status", "/runs/"] {
        client.get(path).await.is_problem(404, "not_found");
    }
    for (method, path, allow) in [
        (Method::PUT, "/status", "GET,HEAD"),
        (Method::DELETE, "/up", "POST"),
        (Method::PATCH, "/", "GET,HEAD,POST"),
        (Method::OPTIONS, "/up", "POST"),
        (Method::TRACE, "/status", "GET,HEAD"),
    ] {
        let asked = request(method, path, WRITE).body(Body::empty()).unwrap();
        let answer = client.send(asked).await;
        answer.is_problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
    let asked = request(Method::GET, "/up", READ).body(Body::empty()).unwrap();
    client.send(asked).await.is_problem(405, "method_not_allowed");
}

#[tokio::test]
async fn answers_cannot_be_misused() {
    let client = nowhere();
    let strange = request(Method::GET, "/nothing", "wrong").body(Body::empty()).unwrap();
    let answers = [
        client.get("/openapi.json").await,
        client.get("/nothing").await,
        client.send(strange).await,
        client.post("/up", "nonsense").await,
        client.get("").await,
    ];
    for answer in &answers {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{name}: {answer:?}");
        }
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("access-control-allow-origin"), "");
        assert_eq!(answer.header("set-cookie"), "");
    }
    // What has a tag may be kept by the client that got it, and is asked for again each time.
    let kept = answers.each_ref().map(|answer| answer.header("cache-control"));
    let (again, never) = ("no-cache, private", "no-store");
    assert_eq!(kept, [again, never, never, never, again]);
    let page = &answers[4];
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").contains("script-src 'sha256-"));
}

#[tokio::test]
async fn an_app_may_sign_people_in_itself() {
    let client = nowhere();
    // Its layer lets Anna in, and forgets everybody else.
    let api = Api::new(Migrator::with(&database().await, [effect!(1)]), Auth::external());
    let router =
        api.router().layer(middleware::from_fn(async |mut request: Request<Body>, next: Next| {
            if request.headers().get("x-user").is_some_and(|user| user == "anna") {
                let name = "anna\r\nx".to_owned();
                request.extensions_mut().insert(Identity { name, scope: Scope::Read });
            }
            next.run(request).await
        }));
    let client = HttpClient { router, ..client };
    let as_user = async |method: Method, path: &str, user: &str| {
        let asked = request(method, path, WRITE).header("x-user", user);
        client.send(asked.body(Body::empty()).unwrap()).await
    };
    assert_eq!(as_user(Method::GET, "/openapi.json", "anna").await.status, StatusCode::OK);
    as_user(Method::GET, "/openapi.json", "otto").await.is_problem(401, "unauthenticated");
    let problem = as_user(Method::POST, "/up", "anna").await.is_problem(403, "insufficient_scope");
    assert!(problem["detail"].as_str().unwrap().contains("anna__x"), "{problem}");
}

async fn database() -> mongrate::mongodb::Database {
    Client::with_uri_str("mongodb://127.0.0.1:1").await.unwrap().database("none")
}

const PASSWORD: &str = "canary-Pa55word";
const VALUE: &str = "canary-of-a-document";

fn tells(text: &'static str) -> BoxError {
    text.into()
}

/// Fails in all the ways in which a text from elsewhere gets into an error.
const TELLTALES: [Migration; 4] = [
    Migration::transactional(1, "tells", |tx| {
        Box::pin(async move {
            tx.collection::<Document>("users").insert_one(doc! { "_id": VALUE }).await?;
            tx.collection::<Document>("users").insert_one(doc! { "_id": VALUE }).await?;
            Ok(())
        })
    }),
    Migration::transactional(2, "quotes", |_| {
        Box::pin(async {
            Err(tells("no such user: canary-of-a-document at mongodb://root:canary-Pa55word@db/x"))
        })
    }),
    Migration::transactional(3, "panics", |_| {
        Box::pin(async { panic!("canary-of-a-document mongodb://root:canary-Pa55word@db") })
    }),
    Migration::online_steps(4, "online", |on| {
        Box::pin(async move {
            on.transaction("canary", async |_| Err(tells("canary-of-a-document"))).await
        })
    }),
];

fn keeps_quiet(answer: &Answer) {
    let headers = format!("{:?}", answer.headers);
    for canary in [PASSWORD, VALUE, "mongodb://", "root:"] {
        assert!(!answer.text.contains(canary), "{canary}: {answer:?}");
        assert!(!headers.contains(canary), "{canary}: {headers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_quotes_nothing() {
    let fresh = TestDb::new("http_canary").await;
    let client = HttpClient::over(&fresh, TELLTALES);
    let answer =
        client.post_with("/up", r#"{"continue_on_error": true}"#, &[("prefer", "wait=60")]).await;
    assert_eq!(answer.json()["state"], "failed", "{answer:?}");
    assert_eq!(answer.json()["report"]["steps"].as_array().unwrap().len(), 4, "{answer:?}");
    keeps_quiet(&answer);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    for path in ["/status", "/history", "/plan?lint=true", &format!("/runs/{id}"), "/lock/status"] {
        let answer = client.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        keeps_quiet(&answer);
    }
    // The codes are said.
    let failure = &answer.json()["report"]["steps"][0]["failure"];
    assert_eq!(failure["code"], 11_000, "{failure}");
    let answer = client.post_with("/up", r#"{"dry_run": "run"}"#, &[("prefer", "wait=60")]).await;
    assert_eq!(answer.json()["state"], "failed", "{answer:?}");
    keeps_quiet(&answer);
    // Where texts are shown, passwords still are not.
    let telling = HttpClient::of(client.api.clone().show_failures(true));
    let status = telling.get("/status").await;
    assert!(status.text.contains("no such user"), "{status:?}");
    assert!(!status.text.contains(PASSWORD), "{status:?}");
    fresh.pass().await;
}

#[tokio::test]
async fn a_server_out_of_reach_is_not_named() {
    let uri = format!(
        "mongodb://root:{PASSWORD}@127.0.0.1:1/?serverSelectionTimeoutMS=200&connectTimeoutMS=100"
    );
    let db = Client::with_uri_str(&uri).await.unwrap().database("shop");
    let client = HttpClient::with(Migrator::with(&db, [effect!(1)]));
    for path in ["/status", "/plan", "/history", "/lock/status"] {
        let answer = client.get(path).await;
        answer.is_problem(503, "server");
        keeps_quiet(&answer);
        assert!(!answer.text.contains("127.0.0.1"), "{answer:?}");
    }
    for (path, body) in [("/up", "{}"), ("/down", "{}"), ("/lock/release", r#"{"fence": 1}"#)] {
        let answer = client.post(path, body).await;
        answer.is_problem(503, "server");
        keeps_quiet(&answer);
        assert!(!answer.text.contains("127.0.0.1"), "{answer:?}");
    }
}
