//! Many migrations, many clients: what a client has already is not sent again, what is sent is small.

use std::io::Read as _;

use flate2::read::GzDecoder;
use futures_util::StreamExt as _;
use mongrate::{
    Migration,
    http::axum::{
        body::{Body, to_bytes},
        http::{Method, header},
    },
};
use mongrate_tests::{TestDb, effect};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::{Answer, HttpClient, READ, request};

/// A tag as `since` takes it.
fn bare(answer: &Answer) -> String {
    answer.header("etag").trim_start_matches("W/").trim_matches('"').to_owned()
}

async fn ask(client: &HttpClient, method: Method, path: &str, known: &str, token: &str) -> Answer {
    let asked = request(method, path, token).header(header::IF_NONE_MATCH, known);
    client.send(asked.body(Body::empty()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_known_is_not_sent_again() {
    let fresh = TestDb::new("http_known").await;
    let client = HttpClient::over(&fresh, [effect!(1), effect!(2)]);
    client.run("/up", r#"{"to": 1}"#).await;
    let paths = [
        "/status",
        "/plan",
        "/history",
        "/audit",
        "/lock/status",
        "/runs",
        "/tags",
        "/migrations/1",
        "/openapi.json",
        "",
    ];
    let mut before = Vec::new();
    for path in paths {
        let first = client.get(path).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with("W/\"") && tag.len() > 20, "{path}: {first:?}");
        for known in [&*tag, "*", &format!("\"x\", {tag}"), tag.trim_start_matches("W/")] {
            for method in [Method::GET, Method::HEAD] {
                let answer = ask(&client, method, path, known, READ).await;
                assert_eq!((answer.status.as_u16(), &*answer.text), (304, ""), "{path} {answer:?}");
                assert_eq!(answer.header("etag"), tag, "{path}");
                assert_eq!(answer.header("cache-control"), "no-cache, private", "{path}");
                assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
                assert_eq!(answer.header("content-type"), "", "{path}");
                let policy = answer.header("content-security-policy");
                assert_eq!(policy, first.header("content-security-policy"), "{path}");
            }
        }
        for known in ["\"other\"", "W/\"\"", "", &bare(&first)] {
            let answer = ask(&client, Method::GET, path, known, READ).await;
            assert_eq!((answer.status.as_u16(), &answer.text), (200, &first.text), "{path}");
            let head = ask(&client, Method::HEAD, path, known, READ).await;
            assert_eq!((head.status.as_u16(), head.header("etag")), (200, &*tag), "{path}");
        }
        if !path.is_empty() {
            assert!(first.header("vary").contains("authorization"), "{path}: {first:?}");
            let answer = ask(&client, Method::GET, path, "*", "nobody-knows-this-one").await;
            answer.is_problem(401, "unauthenticated");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        }
        before.push(tag);
    }
    // A problem has no tag, and a change is never unchanged.
    let problem = ask(&client, Method::GET, "/migrations/77", "*", READ).await;
    problem.is_problem(404, "not_found");
    assert_eq!(problem.header("etag"), "");
    let paused = client.post_with("/runs/current/pause", "{}", &[("if-none-match", "*")]).await;
    assert_eq!((paused.status.as_u16(), paused.header("etag")), (200, ""), "{paused:?}");
    client.post("/runs/current/resume", "{}").await;

    client.run("/up", "{}").await;
    for (path, tag) in paths.into_iter().zip(&before) {
        let answer = ask(&client, Method::GET, path, tag, READ).await;
        let stays = ["/audit", "/tags", "/migrations/1", "/openapi.json", ""].contains(&path);
        assert_eq!(answer.status.as_u16(), if stays { 304 } else { 200 }, "{path}: {answer:?}");
    }
    fresh.pass().await;
}

/// That many migrations with a name of usual length, which do nothing.
fn many(count: i64) -> Vec<Migration> {
    let one = |version: i64| {
        let name = format!("add_a_preferred_language_to_each_customer_{version}");
        let name: &'static str = Box::leak(name.into_boxed_str());
        Migration::transactional(20_250_122_000 + version, name, |_| Box::pin(async { Ok(()) }))
    };
    (1..=count).map(one).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_thousand_migrations_only_the_changed_one_is_sent() {
    let fresh = TestDb::new("http_delta").await;
    let migrator = fresh.migrator(many(2_000)).app("shop 1.4.0");
    migrator.baseline(20_250_123_999).await.unwrap();
    let client = HttpClient::with(migrator.clone());
    let full = client.get("/status").await;
    let since = bare(&full);
    migrator.up().await.unwrap();

    let delta = client.get(&format!("/status?since={since}")).await;
    let told = delta.json();
    assert_eq!(told["since"], since, "{told}");
    assert_eq!(told["gone"], json!([]), "{told}");
    assert_eq!(told["migrations"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told["migrations"][0]["version"], 20_250_124_000_i64);
    assert_eq!(told["migrations"][0]["state"], "applied");
    assert_eq!((&told["applied"], &told["pending"]), (&2_000.into(), &0.into()));

    let whole = client.get("/status").await;
    assert_eq!(whole.header("etag"), delta.header("etag"), "both say the same of the database");
    assert_eq!(whole.json()["migrations"].as_array().unwrap().len(), 2_000);
    assert_eq!(whole.json().get("since"), None);
    let gzip = compressed(&client, "/status").await;
    println!(
        "2,000 migrations, one changed: {} bytes, compressed {}; the delta {}",
        whole.text.len(),
        gzip.len(),
        delta.text.len()
    );
    assert!(delta.text.len() * 200 < whole.text.len(), "{} bytes: {told}", delta.text.len());
    assert!(gzip.len() * 8 < whole.text.len(), "{}", gzip.len());

    // However the client writes the tag; and nothing, if nothing has changed.
    for since in [bare(&delta), format!("W/%22{}%22", bare(&delta)), format!("W/{}", bare(&delta))]
    {
        let none = client.get(&format!("/status?since={since}")).await.json();
        assert_eq!(none["migrations"], json!([]), "{since}");
        assert_eq!(none["applied"], 2_000);
    }
    // What was never given out, or is of another process, is not known.
    for since in ["", "x", "%22%22", "0123456789abcdef0123456789abcdef"] {
        let all = client.get(&format!("/status?since={since}")).await;
        assert_eq!(all.text, whole.text, "{since}");
    }
    let other = HttpClient::with(migrator);
    assert_eq!(other.get(&format!("/status?since={since}")).await.text, whole.text);
    client.get("/status?before=1").await.is_problem(422, "usage");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_another_build_has_is_gone() {
    let fresh = TestDb::new("http_delta_gone").await;
    let newer = fresh.migrator([effect!(1), effect!(2)]);
    newer.up().await.unwrap();
    let client = HttpClient::over(&fresh, [effect!(1)]);
    let first = client.get("/status").await;
    let control = fresh.db.collection::<mongrate::bson::Document>("migrations");
    control.delete_one(mongrate::bson::doc! { "_id": 2_i64 }).await.unwrap();
    let told = client.get(&format!("/status?since={}", bare(&first))).await.json();
    assert_eq!((&told["gone"], &told["migrations"]), (&json!([2]), &json!([])), "{told}");
    fresh.pass().await;
}

/// The answer's body as it is sent to a client that takes gzip.
async fn compressed(client: &HttpClient, path: &str) -> Vec<u8> {
    let asked = request(Method::GET, path, READ).header(header::ACCEPT_ENCODING, "gzip, br");
    let asked = asked.body(Body::empty()).unwrap();
    let response = client.router.clone().oneshot(asked).await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip", "{path}");
    let vary = response.headers().get_all("vary").iter();
    let vary: Vec<&str> = vary.map(|vary| vary.to_str().unwrap()).collect();
    assert!(vary.join(", ").contains("accept-encoding"), "{vary:?}");
    to_bytes(response.into_body(), 10 << 20).await.unwrap().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_compressed_and_the_stream_is_not() {
    let fresh = TestDb::new("http_gzip").await;
    let client = HttpClient::over(&fresh, [effect!(1), effect!(2), effect!(3)]);
    for path in ["/openapi.json", "/status", ""] {
        let plain = client.get(path).await;
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        let mut text = String::new();
        let bytes = compressed(&client, path).await;
        GzDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
        assert_eq!(text, plain.text, "{path}");
        assert!(bytes.len() < plain.text.len(), "{path}");
    }
    let asked = request(Method::GET, "/events", READ).header(header::ACCEPT_ENCODING, "gzip");
    let asked = asked.body(Body::empty()).unwrap();
    let response = client.router.clone().oneshot(asked).await.unwrap();
    assert_eq!(response.headers().get("content-encoding"), None);
    assert_eq!(response.headers().get("etag"), None);
    let first = response.into_body().into_data_stream().next().await.unwrap().unwrap();
    assert!(first.starts_with(b"id: "), "the state comes at once: {first:?}");
    fresh.pass().await;
}

/// What a browser loads before anything is shown, in bytes.
const PAGE_COMPRESSED_MAX: usize = 150_000;
const PAGE_MAX: usize = 200_000;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_small() {
    let fresh = TestDb::new("http_page_size").await;
    let client = HttpClient::over(&fresh, [effect!(1)]);
    let whole = client.get("").await.text.len();
    let sent = compressed(&client, "").await.len();
    println!("the page: {sent} bytes compressed, {whole} bytes");
    assert!(sent < PAGE_COMPRESSED_MAX, "{sent} bytes compressed");
    assert!(whole < PAGE_MAX, "{whole} bytes");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_names_a_state_and_leads_back_to_it() {
    let fresh = TestDb::new("http_tags").await;
    let client = HttpClient::over(&fresh, [effect!(1), effect!(2)]);
    client.post("/tags", r#"{"name": "v1"}"#).await.is_problem(422, "settings");
    client.run("/up", r#"{"to": 1}"#).await;
    let set = client.post("/tags", r#"{"name": "v1", "why": "the sale"}"#).await.json();
    assert_eq!((&set["action"], &set["applied"]), (&"set".into(), &1.into()), "{set}");
    let again = client.post("/tags", r#"{"name": "v1"}"#).await.json();
    assert_eq!(again["action"], "unchanged");
    client.run("/up", "{}").await;
    client.post("/tags", r#"{"name": "v1"}"#).await.is_problem(409, "tag_taken");

    let tags = client.get("/tags").await.json();
    let tag = &tags["tags"][0];
    assert_eq!((&tag["name"], &tag["why"]), (&"v1".into(), &"the sale".into()), "{tags}");
    assert_eq!((&tag["later"], &tag["last"]["version"]), (&1.into(), &1.into()), "{tags}");
    assert_eq!(tag["by"]["app"], "test 1.0, HTTP token ops", "{tags}");
    let history = client.get("/history").await.json();
    let named: Vec<&Value> = history["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it.get("tags").is_some())
        .collect();
    assert_eq!(named.len(), 1, "{history}");
    assert_eq!(
        (&named[0]["event"], &named[0]["version"], &named[0]["tags"]),
        (&"applied".into(), &1.into(), &json!(["v1"]))
    );
    assert_eq!(client.get("/migrations/1").await.json()["tags"], json!(["v1"]));

    client.run("/down", r#"{"to_tag": "v1"}"#).await;
    assert_eq!(client.get("/status").await.json()["applied"], 1);
    for wrong in [r#"{"name": "v1", "remove": true, "move": true}"#, r#"{"remove": true}"#, "{}"] {
        client.post("/tags", wrong).await.is_problem(422, "usage");
    }
    let gone = client.post("/tags", r#"{"name": "v1", "remove": true}"#).await.json();
    assert_eq!(gone["action"], "removed");
    client.post("/tags", r#"{"name": "v1", "remove": true}"#).await.is_problem(422, "unknown_tag");
    assert_eq!(client.get("/tags").await.json()["tags"], json!([]));
    let asked =
        request(Method::POST, "/tags", READ).header(header::CONTENT_TYPE, "application/json");
    let refused = client.send(asked.body(Body::from(r#"{"name": "v2"}"#)).unwrap()).await;
    refused.is_problem(403, "insufficient_scope");
    let anonymous = request(Method::POST, "/tags", "nobody-knows-this-one");
    client.send(anonymous.body(Body::empty()).unwrap()).await.is_problem(401, "unauthenticated");
    fresh.pass().await;
}
