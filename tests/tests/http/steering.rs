//! Pause, resume, tune, cancel: for a run of this process, and for one of another.

use std::time::Duration;

use mongrate::{
    Migration,
    bson::{Document, doc},
    http::axum::{
        body::Body,
        http::{Method, StatusCode, header},
    },
};
use mongrate_tests::{TestDb, effect, effects::present};
use serde_json::Value;
use tokio::{
    sync::{Notify, Semaphore},
    time::{Instant, sleep},
};

use crate::support::{HttpClient, READ, request};

/// Heartbeats come every half second.
const LEASE: Duration = Duration::from_millis(1_500);

const PATIENCE: Duration = Duration::from_secs(60);

static INSIDE: Notify = Notify::const_new();
static GATE: Semaphore = Semaphore::const_new(0);

/// Says when it is inside, and waits at a gate.
const GATED: Migration = Migration::transactional(2, "gated", |tx| {
    Box::pin(async move {
        mongrate_tests::effects::leave(tx, 2).await?;
        INSIDE.notify_one();
        GATE.acquire().await?.forget();
        Ok(())
    })
});

async fn until(client: &HttpClient, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let found = client.get(path).await.json();
        if is_so(&found) {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{path} stays {found}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_paused_tuned_resumed_and_cancelled_by_its_id() {
    let fresh = TestDb::new("http_steering").await;
    let list = [effect!(1), GATED, effect!(3)];
    let client = HttpClient::with(fresh.migrator(list).app("test 1.0").lease(LEASE));
    let run = client.post("/up", "{}").await.json();
    let path = format!("/runs/{}", run["id"].as_str().unwrap());
    INSIDE.notified().await;

    let told = client.post(&format!("{path}/pause"), r#"{"why": "the sale begins"}"#).await;
    assert_eq!(told.status, StatusCode::OK, "{told:?}");
    let told = told.json();
    assert_eq!(
        (&told["verb"], &told["changed"], &told["fence"]),
        (&"pause".into(), &true.into(), &1.into())
    );
    assert_eq!(told["known_within_ms"], 500, "{told}");
    assert_eq!(told["paused"]["why"], "the sale begins", "{told}");
    assert_eq!(told["paused"]["by"]["app"], "test 1.0, HTTP token ops", "{told}");
    let again = client.post("/runs/current/pause", "{}").await.json();
    assert_eq!((&again["changed"], &again["paused"]), (&false.into(), &told["paused"]));
    let settings = r#"{"settings": {"per_second": "off", "workers": 2}}"#;
    let tuned = client.post(&format!("{path}/tune"), settings).await.json();
    assert_eq!(
        tuned["tuned"]["settings"],
        serde_json::json!({ "per_second": "off", "workers": 2 })
    );

    // When the run knows, the transaction at hand is brought to its end; the next one does not begin.
    fresh.wire.take();
    fresh.wire.more("findAndModify", 2).await;
    GATE.add_permits(1);
    let held = until(&client, &path, |run| run["hold"]["reason"] == "paused").await;
    let states: Vec<&Value> =
        held["steps"].as_array().unwrap().iter().map(|it| &it["state"]).collect();
    assert_eq!(states, ["applied", "applied", "waiting"], "{held}");
    let text = held["hold"]["text"].as_str().unwrap();
    assert!(text.contains("the sale begins"), "{held}");
    let status = client.get("/status").await.json();
    assert_eq!(status["lock"]["paused"]["why"], "the sale begins", "{status}");
    assert_eq!(status["lock"]["tuned"]["settings"]["workers"], 2, "{status}");

    // Cancelled while it is paused: it ends at once.
    let told = client.post(&format!("{path}/cancel"), r#"{"fence": 1}"#).await.json();
    assert_eq!(
        (&told["changed"], &told["cancel_asked"]["by"]["app"]),
        (&true.into(), &"test 1.0, HTTP token ops".into())
    );
    let ended = until(&client, &path, |run| run["state"] != "running").await;
    assert_eq!(
        (&ended["state"], &ended["problem"]["code"]),
        (&"cancelled".into(), &"cancelled".into())
    );
    assert!(ended["report"]["cancelled_by"].is_object() && ended["hold"].is_null(), "{ended}");
    assert_eq!(present(&fresh.db).await, [1, 2]);

    // The history is still paused: a run is refused, and told why.
    let problem = client.post("/up", "{}").await.is_problem(409, "paused");
    assert!(problem["detail"].as_str().unwrap().contains("the sale begins"), "{problem}");
    assert!(problem["next"].as_str().unwrap().contains("runs/current/resume"), "{problem}");
    let told = client.post("/runs/current/resume", "{}").await.json();
    assert_eq!((&told["changed"], &told["paused"]), (&true.into(), &Value::Null));
    let run = client.run("/up", "{}").await;
    assert_eq!(run["state"], "done", "{run}");
    assert_eq!(present(&fresh.db).await, [1, 2, 3]);
    let history = client.get("/history?event=paused").await.json();
    assert_eq!(history["events"][0]["note"], "the sale begins", "{history}");
    fresh.pass().await;
}

#[tokio::test]
async fn every_request_gets_a_defined_answer() {
    let fresh = TestDb::new("http_steering_answers").await;
    let client = HttpClient::over(&fresh, [effect!(1)]);
    let run = client.run("/up", "{}").await;
    let path = format!("/runs/{}", run["id"].as_str().unwrap());
    // A run that is over, whatever is asked of it.
    for verb in ["pause", "resume", "cancel"] {
        let problem = client.post(&format!("{path}/{verb}"), "{}").await.is_problem(409, "no_run");
        assert!(problem["detail"].as_str().unwrap().contains("is over"), "{problem}");
    }
    // No run at all; another fence; another process's run.
    client.post("/runs/current/cancel", "{}").await.is_problem(409, "no_run");
    let workers = r#"{"settings": {"workers": 2}}"#;
    client.post("/runs/current/tune", workers).await.is_problem(409, "no_run");
    client.post("/runs/current/pause", r#"{"fence": 7}"#).await.is_problem(409, "fence_mismatch");
    let elsewhere = "/runs/web-2.shop-4711-0123456789abcdef0123456789abcdef/pause";
    let problem = client.post(elsewhere, "{}").await.is_problem(404, "run_elsewhere");
    assert!(problem["next"].as_str().unwrap().contains("GET runs/current"), "{problem}");
    for strange in ["/runs/none/pause", "/runs/%ff/cancel", "/runs/%00/tune"] {
        let body = if strange.ends_with("tune") { workers } else { "{}" };
        client.post(strange, body).await.is_problem(404, "not_found");
    }
    // What is not valid is refused before the database is asked.
    for (verb, body) in [
        ("pause", r#"{"because": "x"}"#),
        ("pause", r#"{"why": 7}"#),
        ("tune", "{}"),
        ("tune", r#"{"settings": {"workers": 0}}"#),
        ("tune", r#"{"settings": {"speed": 1}}"#),
        ("tune", r#"{"settings": {"per_second": "fast"}}"#),
        ("tune", r#"{"settings": {"between": "at night"}}"#),
        ("tune", r#"{"settings": {"max_lag_ms": 3600001}}"#),
    ] {
        let answer = client.post(&format!("/runs/current/{verb}"), body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{verb} {body}: {answer:?}");
    }
    let long = format!(r#"{{"why": "{}"}}"#, "x".repeat(501));
    let answer = client.post("/runs/current/pause", &long).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
    // Who may only read steers nothing.
    for verb in ["pause", "resume", "tune", "cancel"] {
        let asked = request(Method::POST, &format!("/runs/current/{verb}"), READ);
        let asked = asked.header(header::CONTENT_TYPE, "application/json");
        let answer = client.send(asked.body(Body::from(workers)).unwrap()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{answer:?}");
    }
    let control = fresh.db.collection::<Document>("migrations");
    let lock = control.find_one(doc! { "_id": "lock" }).await.unwrap().unwrap();
    assert!(!lock.contains_key("paused") && !lock.contains_key("events"), "{lock}");

    // A run of another process, through the database.
    let held = doc! { "$set": {
        "owner": "that one", "fence": 7_i64, "leaseMs": 30_000_i64,
        "expiresAt": mongrate::bson::DateTime::from_millis(4_102_444_800_000),
        "by": { "host": "web-2.shop", "pid": 4_711_i64, "app": "test" },
    } };
    control.update_one(doc! { "_id": "lock" }, held).await.unwrap();
    let told = client.post("/runs/current/tune", workers).await.json();
    assert_eq!(
        (&told["holder"]["host"], &told["known_within_ms"]),
        (&"web-2.shop".into(), &10_000.into())
    );
    let told = client.post("/runs/current/cancel", r#"{"fence": 7}"#).await.json();
    assert_eq!(told["changed"], true, "{told}");
    fresh.pass().await;
}
