//! The stream of events.

use futures_util::StreamExt as _;
use mongrate::{
    Migration,
    bson::{Document, doc},
    http::axum::{
        body::{Body, BodyDataStream},
        http::{Method, StatusCode},
    },
};
use mongrate_tests::{TestDb, effect, effects, irreversible};
use serde_json::Value;
use tokio::sync::{Notify, Semaphore};
use tower::ServiceExt as _;

use crate::support::{HttpClient, READ, request};

/// A client that listens.
struct Listener {
    body: BodyDataStream,
    text: String,
    /// Whether changes of the state count, which come at any time.
    hears_changes: bool,
}

/// What it heard.
#[derive(Clone, Debug, PartialEq)]
struct Heard {
    id: String,
    name: String,
    data: Value,
}

impl Listener {
    async fn start(client: &HttpClient, last: Option<&str>) -> Self {
        Self::start_at(client, "/events", last).await
    }

    async fn start_at(client: &HttpClient, path: &str, last: Option<&str>) -> Self {
        let mut builder = request(Method::GET, path, READ);
        if let Some(last) = last {
            builder = builder.header("last-event-id", last);
        }
        let response =
            client.router.clone().oneshot(builder.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
            hears_changes: false,
        }
    }

    async fn next(&mut self) -> Option<Heard> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let lines = event.lines();
                    let values = lines.filter_map(|line| line.strip_prefix(&format!("{name}: ")));
                    values.collect::<Vec<_>>().join("\n")
                };
                let (id, name, data) = (field("id"), field("event"), field("data"));
                self.text = rest.to_owned();
                if name.is_empty() || (name == "changed" && !self.hears_changes) {
                    continue;
                }
                return Some(Heard { id, name, data: serde_json::from_str(&data).unwrap() });
            }
            let chunk = self.body.next().await?.unwrap();
            self.text += std::str::from_utf8(&chunk).unwrap();
        }
    }

    /// Waits until the stream says that the status has this tag.
    async fn until_changed_to(&mut self, tag: String) {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == "changed" && event.data["etag"] == *tag {
                return;
            }
        }
    }

    /// Everything up to the end of a run.
    async fn until_over(&mut self) -> Vec<Heard> {
        let mut heard = Vec::new();
        loop {
            let event = self.next().await.expect("the stream goes on");
            let is_over = event.name == "run" && event.data["state"] != "running";
            heard.push(event);
            if is_over {
                return heard;
            }
        }
    }
}

fn summary(heard: &[Heard]) -> Vec<String> {
    heard
        .iter()
        .map(|event| match event.name.as_str() {
            "step" => {
                format!("{} {}", event.data["step"]["version"], event.data["step"]["state"])
            }
            "run" => format!("run {}", event.data["state"]),
            name => name.to_owned(),
        })
        .map(|text| text.replace('"', ""))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_watched_to_its_end_and_again_from_anywhere() {
    let fresh = TestDb::new("http_events").await;
    let fails = Migration::transactional(3, "fails", |_| Box::pin(async { Err("wanted".into()) }));
    let client = HttpClient::over(&fresh, [effect!(1), effect!(2), fails]);
    let mut listener = Listener::start(&client, None).await;
    let state = listener.next().await.unwrap();
    assert_eq!((state.name.as_str(), &state.data["run"]), ("state", &Value::Null));
    client.post("/up", "{}").await;
    let heard = listener.until_over().await;
    assert_eq!(
        summary(&heard),
        [
            "run running",
            "1 running",
            "1 applied",
            "2 running",
            "2 applied",
            "3 running",
            "3 failed",
            "run failed"
        ]
    );
    assert!(!format!("{heard:?}").contains("wanted"), "texts of failures are not shown");

    // From each event on, exactly the rest.
    for (at, event) in heard.iter().enumerate() {
        let mut again = Listener::start(&client, Some(&event.id)).await;
        if at + 1 < heard.len() {
            assert_eq!(again.until_over().await, heard[at + 1..]);
        }
    }
    // A number of another process, and nonsense, begin anew.
    for strange in ["00000000-3", "nonsense", "", &format!("{}9", heard[7].id)] {
        let state = Listener::start(&client, Some(strange)).await.next().await.unwrap();
        assert_eq!((state.name.as_str(), &state.data["run"]["state"]), ("state", &"failed".into()));
    }
    // The end of the server is the end of the stream.
    client.api.shutdown().await;
    assert_eq!(listener.next().await, None);
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_no_event() {
    let fresh = TestDb::new("http_events_refused").await;
    let client = HttpClient::over(&fresh, [irreversible!(1), effect!(2)]);
    let ran = client.run("/up", r#"{"to": 1}"#).await;
    let mut listener = Listener::start(&client, None).await;
    assert_eq!(listener.next().await.unwrap().data["run"]["id"], ran["id"]);
    client.post("/down", "{}").await.is_problem(409, "irreversible");
    client.post("/up", r#"{"to": 7}"#).await.is_problem(422, "unknown_version");
    // How things stand is what ran, and not what was refused after it.
    let state = Listener::start(&client, None).await.next().await.unwrap();
    assert_eq!(state.data["run"]["id"], ran["id"], "{state:?}");
    client.post("/up", "{}").await;
    let heard = listener.until_over().await;
    assert_eq!(summary(&heard), ["run running", "2 running", "2 applied", "run done"]);
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_event_comes_before_the_end_of_the_stream() {
    static INSIDE: Notify = Notify::const_new();
    let fresh = TestDb::new("http_events_stop").await;
    let hangs = Migration::transactional(2, "hangs", |_| {
        Box::pin(async {
            INSIDE.notify_one();
            std::future::pending::<()>().await;
            Ok(())
        })
    });
    let stop = mongrate::CancellationToken::new();
    let migrator = fresh.migrator([effect!(1), hangs]).cancel_on(stop.clone());
    let client = HttpClient::with(migrator);
    let mut listeners = Vec::new();
    for _ in 0..8 {
        let mut listener = Listener::start(&client, None).await;
        listener.next().await.unwrap();
        listeners.push(listener);
    }
    client.post("/up", "{}").await;
    INSIDE.notified().await;
    stop.cancel();
    for mut listener in listeners {
        let heard = listener.until_over().await;
        assert_eq!(summary(&heard).last().unwrap(), "run cancelled", "{heard:?}");
        assert_eq!(listener.next().await, None);
    }
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_comes_late_sees_how_things_stand() {
    static INSIDE: Notify = Notify::const_new();
    static GATE: Semaphore = Semaphore::const_new(0);
    let fresh = TestDb::new("http_events_late").await;
    let gated = Migration::transactional(1, "gated", |tx| {
        Box::pin(async move {
            effects::leave(tx, 1).await?;
            INSIDE.notify_one();
            GATE.acquire().await?.forget();
            Ok(())
        })
    });
    let client = HttpClient::over(&fresh, [gated, effect!(2)]);
    client.post("/up", "{}").await;
    INSIDE.notified().await;
    let mut listener = Listener::start(&client, None).await;
    let state = listener.next().await.unwrap();
    assert_eq!(state.data["run"]["steps"][0]["state"], "running", "{state:?}");
    GATE.add_permits(1);
    let heard = listener.until_over().await;
    assert_eq!(summary(&heard), ["1 applied", "2 running", "2 applied", "run done"]);
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_says_how_far_it_is() {
    let fresh = TestDb::new("http_events_backfill").await;
    let documents: Vec<Document> = (0..250).map(|id| doc! { "_id": id }).collect();
    fresh.db.collection::<Document>("things").insert_many(documents).await.unwrap();
    let walks = Migration::online_steps(1, "walks", |on| {
        Box::pin(async move {
            let mark = vec![doc! { "$set": { "marked": true } }];
            on.backfill("marks", "things").batch_size(100).update(mark).await?;
            Ok(())
        })
    });
    let client = HttpClient::over(&fresh, [walks]);
    let mut listener = Listener::start(&client, None).await;
    client.post("/up", "{}").await;
    let heard = listener.until_over().await;
    let far: Vec<&Value> = heard
        .iter()
        .filter(|event| event.name == "step")
        .filter_map(|event| event.data["step"]["backfills"].get(0))
        .collect();
    assert_eq!(far.last().unwrap()["documents"], 250, "{heard:?}");
    assert_eq!(far.last().unwrap()["total"], 250, "{heard:?}");
    assert_eq!(far.last().unwrap()["name"], "marks", "{heard:?}");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_anybody_is_told_by_its_tag() {
    let fresh = TestDb::new("http_changed").await;
    let client = HttpClient::over(&fresh, [effect!(1), effect!(2)]);
    let mut listener = Listener::start_at(&client, "/events?steps=none", None).await;
    listener.hears_changes = true;
    let state = listener.next().await.unwrap();
    assert_eq!((&*state.name, &state.data["run"]), ("state", &Value::Null));
    let first = listener.next().await.unwrap();
    let tag = async || {
        let answer = client.get("/status").await;
        answer.header("etag").trim_start_matches("W/").trim_matches('"').to_owned()
    };
    assert_eq!((&*first.name, &first.data["etag"]), ("changed", &tag().await.into()));

    // By another process; by an operator; by a run here.
    fresh.migrator([effect!(1), effect!(2)]).up().steps(1).await.unwrap();
    listener.until_changed_to(tag().await).await;
    let since = first.data["etag"].as_str().unwrap();
    let delta = client.get(&format!("/status?since={since}")).await.json();
    assert_eq!(delta["migrations"].as_array().map(Vec::len), Some(1), "{delta}");
    client.post("/runs/current/pause", "{}").await;
    listener.until_changed_to(tag().await).await;
    client.post("/runs/current/resume", "{}").await;
    client.run("/up", "{}").await;
    listener.until_changed_to(tag().await).await;

    // Who comes later is told at the beginning.
    let mut later = Listener::start_at(&client, "/events?steps=none", None).await;
    let state = later.next().await.unwrap();
    assert_eq!(state.data["etag"], tag().await, "{state:?}");
    let run = &state.data["run"];
    assert_eq!((run.get("steps"), run.get("report")), (None, None), "{state:?}");
    assert_eq!(run["counts"]["done"], 1, "{state:?}");
    client.get("/events?steps=some").await.is_problem(422, "usage");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_run_does_not_list_its_migrations() {
    let fresh = TestDb::new("http_small_events").await;
    let client = HttpClient::over(&fresh, [effect!(1), effect!(2), effect!(3)]);
    let mut listener = Listener::start(&client, None).await;
    listener.next().await.unwrap();
    client.post("/up", "{}").await;
    let heard = listener.until_over().await;
    for event in heard.iter().filter(|event| event.name == "run") {
        for list in ["steps", "report", "plan", "dry_run_report"] {
            assert_eq!(event.data.get(list), None, "{event:?}");
        }
        assert_eq!(event.data["counts"]["total"], 3, "{event:?}");
    }
    let last = heard.last().unwrap();
    assert_eq!(last.data["counts"]["done"], 3, "{last:?}");
    // Who connects now gets the list once.
    let state = Listener::start(&client, None).await.next().await.unwrap();
    assert_eq!(state.data["run"]["steps"].as_array().map(Vec::len), Some(3), "{state:?}");
    fresh.pass().await;
}
