//! Up, down, dry runs, the lock, new files.

use std::time::Duration;

use mongrate::{
    CancellationToken, Migration,
    bson::doc,
    http::{Api, axum::http::StatusCode},
};
use mongrate_tests::{
    TestDb, effect,
    effects::{self, present},
    irreversible,
};
use serde_json::Value;
use tokio::sync::{Notify, Semaphore};

use crate::support::{HttpClient, PREFIX, auth};

/// Says when it is inside, and waits at a gate.
macro_rules! gated {
    ($version:literal, $inside:ident, $gate:ident) => {
        Migration::transactional($version, "gated", |tx| {
            Box::pin(async move {
                effects::leave(tx, $version).await?;
                $inside.notify_one();
                $gate.acquire().await?.forget();
                Ok(())
            })
        })
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn up_is_accepted_and_runs_by_itself() {
    static INSIDE: Notify = Notify::const_new();
    static GATE: Semaphore = Semaphore::const_new(0);
    let fresh = TestDb::new("http_up").await;
    let client = HttpClient::over(&fresh, [effect!(1), gated!(2, INSIDE, GATE), effect!(3)]);

    let answer = client.post("/up", "{}").await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    let run = answer.json();
    assert_eq!(
        (&run["state"], &run["verb"], &run["by"]),
        (&"running".into(), &"up".into(), &"ops".into())
    );
    let id = run["id"].as_str().unwrap();
    let location = answer.header("location").to_owned();
    assert_eq!(location, format!("{PREFIX}/runs/{id}"));
    INSIDE.notified().await;

    let path = format!("/runs/{id}");
    let run = client.get(&path).await.json();
    let states: Vec<&str> = run["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["applied", "running", "waiting"], "{run}");
    assert_eq!(run["fence"], 1);

    // A second run is told who holds the lock, and where to find that run.
    for body in ["{}", r#"{"dry_run": "plan"}"#] {
        let problem = client.post("/up", body).await.is_problem(409, "lock_held");
        assert_eq!(problem["run"], location, "{problem}");
        let holder = &problem["holder"];
        assert_eq!(holder["app"], "test 1.0, HTTP token ops", "{problem}");
        assert_eq!((&holder["pid"], &holder["fence"]), (&std::process::id().into(), &1.into()));
        let left = holder["remaining_ms"].as_u64().unwrap();
        assert!((1..=60_000).contains(&left), "{problem}");
    }
    client.post("/down", "{}").await.is_problem(409, "lock_held");
    // So is another process.
    let other = HttpClient::over(&fresh, [effect!(1), effect!(2), effect!(3)]);
    let answer = other.post("/up", "{}").await;
    let problem = answer.is_problem(409, "lock_held");
    assert_eq!(problem["holder"]["app"], "test 1.0, HTTP token ops", "{problem}");
    assert_eq!(problem["holder"]["fence"], 1, "{problem}");
    assert!(problem["holder"]["remaining_ms"].as_u64().unwrap() > 0, "{problem}");
    assert_eq!(problem["fence"], 1);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);

    GATE.add_permits(1);
    let run = loop {
        let run = client.get(&path).await.json();
        if run["state"] != "running" {
            break run;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(run["state"], "done", "{run}");
    assert_eq!(run["report"]["steps"].as_array().unwrap().len(), 3, "{run}");
    assert_eq!(present(&fresh.db).await, [1, 2, 3]);

    // In the history under the token's name.
    let history = client.get("/history?limit=1").await.json();
    assert_eq!(history["events"][0]["by"]["app"], "test 1.0, HTTP token ops", "{history}");
    client.get("/runs/none").await.is_problem(404, "not_found");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_another_process_is_said_to_be_one() {
    let fresh = TestDb::new("http_elsewhere").await;
    let client = HttpClient::over(&fresh, [effect!(1)]);
    let id = client.run("/up", "{}").await["id"].as_str().unwrap().to_owned();
    let unique = "fedcba9876543210fedcba9876543210";
    let elsewhere = format!("/runs/web-2.shop-4711-{unique}");
    let problem = client.get(&elsewhere).await.is_problem(404, "run_elsewhere");
    assert_eq!(problem["process"], "process 4711 of web-2.shop", "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("does not hold the lock"), "{problem}");
    assert!(
        problem["next"].as_str().unwrap().contains("GET runs, status and history"),
        "{problem}"
    );
    let control = fresh.db.collection::<mongrate::bson::Document>("migrations");
    let held = doc! { "$set": {
        "owner": "that one", "fence": 7_i64,
        "expiresAt": mongrate::bson::DateTime::from_millis(4_102_444_800_000),
        "by": { "host": "web-2.shop", "pid": 4_711_i64, "app": "test" },
    } };
    control.update_one(doc! { "_id": "lock" }, held).await.unwrap();
    let problem = client.get(&elsewhere).await.is_problem(404, "run_elsewhere");
    assert_eq!(problem["fence"], 7, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("holds the lock (fence 7)"), "{problem}");
    // What no process has given out is of none; what is no text, neither.
    let mine = id.rsplit_once('-').unwrap().0;
    for strange in [
        format!("{mine}-0123456789abcdef0123456789abcdef"),
        format!("{mine}-77"),
        "web-2.shop-4711-3".to_owned(),
        "web-2.shop-4711-0".to_owned(),
        format!("a%2fb-1-{unique}"),
        format!("-1-{unique}"),
        "%ff".to_owned(),
        "%f0%28%8c%28".to_owned(),
        "%00".to_owned(),
    ] {
        client.get(&format!("/runs/{strange}")).await.is_problem(404, "not_found");
    }
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_waits_as_long_as_it_likes() {
    static INSIDE: Notify = Notify::const_new();
    static GATE: Semaphore = Semaphore::const_new(0);
    let fresh = TestDb::new("http_prefer").await;
    let client = HttpClient::over(&fresh, [effect!(1), gated!(2, INSIDE, GATE)]);

    let answer = client.post_with("/up", r#"{"steps": 1}"#, &[("prefer", "wait=60")]).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.header("preference-applied"), "wait=60");
    let run = answer.json();
    assert_eq!(run["state"], "done");
    assert_eq!(
        answer.header("content-location"),
        format!("{PREFIX}/runs/{}", run["id"].as_str().unwrap())
    );

    let answer = client.post_with("/up", "{}", &[("prefer", "wait=0")]).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    assert_eq!(answer.json()["state"], "running");
    GATE.add_permits(1);
    client.api.shutdown().await;
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_pending_is_a_run_that_is_done() {
    let fresh = TestDb::new("http_nothing").await;
    let client = HttpClient::over(&fresh, [effect!(1)]);
    assert_eq!(client.run("/up", "{}").await["report"]["steps"].as_array().unwrap().len(), 1);
    let run = client.run("/up", "{}").await;
    assert_eq!(run["state"], "done");
    assert_eq!(run["report"]["steps"], Value::Array(Vec::new()));
    assert_eq!(client.post("/up", "{}").await.status, StatusCode::ACCEPTED);
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_are_fields() {
    let fresh = TestDb::new("http_targets").await;
    let list = [effect!(1), effect!(2), effect!(3), effect!(4), effect!(5)];
    let client = HttpClient::over(&fresh, list);
    for (path, body, left) in [
        ("/up", r#"{"to": 2}"#, vec![1, 2]),
        ("/up", r#"{"steps": 1}"#, vec![1, 2, 3]),
        ("/up", r#"{"atomic": true}"#, vec![1, 2, 3, 4, 5]),
        ("/down", r#"{"batch": true}"#, vec![1, 2, 3]),
        ("/down", "{}", vec![1, 2]),
        ("/down", r#"{"to": 1}"#, vec![1]),
        ("/up", "{}", vec![1, 2, 3, 4, 5]),
        ("/down", r#"{"steps": 2}"#, vec![1, 2, 3]),
        ("/down", r#"{"all": true}"#, vec![]),
    ] {
        let run = client.run(path, body).await;
        assert_eq!(run["state"], "done", "{path} {body}: {run}");
        assert_eq!(present(&fresh.db).await, left, "{path} {body}");
    }
    for (path, body) in [
        ("/up", r#"{"unknown": 1}"#),
        ("/up", r#"{"to": "2"}"#),
        ("/up", r#"{"to": {"$gt": 0}}"#),
        ("/up", r#"{"to": 1, "steps": 1}"#),
        ("/up", r#"{"atomic": true, "continue_on_error": true}"#),
        ("/up", r#"{"dry_run": true}"#),
        ("/up", r#"{"sample": 5}"#),
        ("/up", "[]"),
        ("/down", r#"{"all": true, "batch": true}"#),
        ("/down", r#"{"steps": 0}"#),
        ("/down", r#"{"continue_on_error": true}"#),
        ("/lock/release", "{}"),
        ("/lock/release", r#"{"fence": 1.5}"#),
    ] {
        client.post(path, body).await.is_problem(422, "usage");
    }
    client.post("/up", r#"{"to": 99}"#).await.is_problem(422, "unknown_version");
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    fresh.pass().await;
}

/// `down` to a release and a tag, and one in the middle: what is asked, and what is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_names_a_release_a_tag_or_one_migration() {
    let fresh = TestDb::new("http_releases").await;
    let all = [effect!(1), effect!(2), effect!(3), effect!(4)];
    fresh.migrator(all).app("shop 1").up().to(2).await.unwrap();
    fresh.migrator(all).tag("v1").await.unwrap();
    let client = HttpClient::over(&fresh, all);
    client.run("/up", "{}").await;
    for (body, status, code) in [
        (r#"{"to_release": "shop 0"}"#, 422, "unknown_release"),
        (r#"{"to_release": ""}"#, 422, "usage"),
        (r#"{"to_release": "a", "to_tag": "b"}"#, 422, "usage"),
        (r#"{"to_tag": {"$gt": ""}}"#, 422, "usage"),
        (r#"{"to_tag": "v2"}"#, 422, "unknown_tag"),
        (r#"{"only": 9}"#, 422, "unknown_version"),
        (r#"{"only": 2}"#, 409, "not_independent"),
        (r#"{"only": 2, "independent": [3, 9]}"#, 422, "unknown_version"),
        (r#"{"independent": [3]}"#, 422, "usage"),
    ] {
        let problem = client.post("/down", body).await.is_problem(status, code);
        let text = problem.to_string();
        assert!(!text.contains("--") && !text.contains("`down"), "{text}");
        if code == "not_independent" {
            assert_eq!(problem["migrations"].as_array().unwrap().len(), 2, "{problem}");
            let next = problem["next"].as_str().unwrap();
            assert!(next.contains(r#"{"only": 2, "independent": [3, 4]}"#), "{next}");
        }
    }
    let plan = client.get("/plan?direction=down&only=2&independent=3,4").await.json();
    assert_eq!((&plan["steps"][0]["version"], &plan["late"][0]["version"]), (&2.into(), &2.into()));
    client.get("/plan?only=2").await.is_problem(422, "usage");
    let plan = client.get("/plan?direction=down&to_tag=v1").await.json();
    assert_eq!(plan["steps"].as_array().unwrap().len(), 2, "{plan}");

    client.run("/down", r#"{"to_release": "shop 1", "why": "too slow"}"#).await;
    assert_eq!(present(&fresh.db).await, [1, 2]);
    client.run("/down", r#"{"only": 1, "independent": [2]}"#).await;
    assert_eq!(present(&fresh.db).await, [2]);
    client.post("/up", "{}").await.is_problem(409, "out_of_order");
    let history = client.get("/history?event=reverted").await.json();
    assert_eq!(history["events"][1]["note"], "too slow", "{history}");
    let of_release = client.get("/history?release=shop%201").await.json();
    assert_eq!(of_release["events"].as_array().unwrap().len(), 2, "{of_release}");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_what_the_run_came_to() {
    let fresh = TestDb::new("http_failure").await;
    let fails = Migration::transactional(2, "fails", |_| {
        Box::pin(async { Err("as the test wants it".into()) })
    });
    let client = HttpClient::over(&fresh, [effect!(1), fails, effect!(3)]);
    let run = client.run("/up", "{}").await;
    assert_eq!(run["state"], "failed", "{run}");
    assert_eq!(run["problem"]["code"], "migration_failed");
    assert_eq!(run["problem"]["status"], 500);
    let outcomes = |run: &Value| -> Vec<String> {
        let steps = run["report"]["steps"].as_array().unwrap();
        steps.iter().map(|step| step["outcome"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(outcomes(&run), ["applied", "failed", "not_run"], "{run}");
    let run = client.run("/up", r#"{"continue_on_error": true}"#).await;
    assert_eq!(outcomes(&run), ["failed", "applied"], "{run}");
    assert_eq!(present(&fresh.db).await, [1, 3]);
    // What it said is shown only where that is allowed.
    assert!(!run.to_string().contains("as the test wants it"), "{run}");
    let status = client.get("/status").await;
    assert!(!status.text.contains("as the test wants it"), "{status:?}");
    let telling = HttpClient::of(client.api.clone().show_failures(true));
    let status = telling.get("/status").await.json();
    assert_eq!(status["migrations"][1]["failure"]["message"], "as the test wants it");
    let run = telling.run("/up", "{}").await;
    assert!(run["problem"]["detail"].as_str().unwrap().contains("as the test wants it"), "{run}");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_library_refuses_is_refused_at_once() {
    let fresh = TestDb::new("http_refused").await;
    let client = HttpClient::over(&fresh, [irreversible!(1), effect!(3)]);
    client.run("/up", "{}").await;
    let problem = client.post("/down", r#"{"all": true}"#).await.is_problem(409, "irreversible");
    assert_eq!(problem["migrations"][0]["version"], 1, "{problem}");
    let late = HttpClient::over(&fresh, [irreversible!(1), effect!(2), effect!(3)]);
    late.post("/up", "{}").await.is_problem(409, "out_of_order");
    late.get("/plan").await.is_problem(409, "out_of_order");
    let run = late.run("/up", r#"{"allow_out_of_order": true}"#).await;
    assert_eq!(run["state"], "done", "{run}");
    assert_eq!(late.get("/plan?allow_out_of_order=true").await.status, StatusCode::OK);
    let edited = HttpClient::over(&fresh, [irreversible!(1).with_checksum("v1:sha256:other")]);
    edited.post("/up", "{}").await.is_problem(409, "checksum_drift");
    let unsound = HttpClient::over(&fresh, [effect!(1), effect!(1)]);
    unsound.post("/up", "{}").await.is_problem(500, "registry");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_leaves_nothing() {
    let (fresh, observer) = TestDb::observed("http_dry_run").await;
    let client = HttpClient::with(fresh.migrator([effect!(1), effect!(2)]).observer(&observer));
    let run = client.run("/up", r#"{"dry_run": "run", "timeout_ms": 20000}"#).await;
    assert_eq!(run["state"], "done", "{run}");
    assert_eq!(run["dry_run_report"]["steps"][0]["commands"][1]["command"], "insert", "{run}");
    let run = client.run("/up", r#"{"dry_run": "plan"}"#).await;
    assert_eq!(run["plan"]["steps"].as_array().unwrap().len(), 2, "{run}");
    let run = client.run("/up", r#"{"dry_run": "shadow", "sample": 10}"#).await;
    assert_eq!(run["dry_run_report"]["shadow"]["sample"], 10, "{run}");
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    assert_eq!(client.get("/status").await.json()["pending"], 2);

    client.run("/up", "{}").await;
    let run = client.run("/down", r#"{"all": true, "dry_run": "run"}"#).await;
    assert_eq!(run["dry_run_report"]["steps"].as_array().unwrap().len(), 2, "{run}");
    assert_eq!(present(&fresh.db).await, [1, 2]);
    client.post("/up", r#"{"to": 9, "dry_run": "run"}"#).await.is_problem(422, "unknown_version");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lock_is_released_by_the_fence_that_was_seen() {
    let fresh = TestDb::new("http_release").await;
    let migrator = fresh.migrator([effect!(1)]);
    migrator.up().await.unwrap();
    let client = HttpClient::with(migrator);
    client.post("/lock/release", r#"{"fence": 1}"#).await.is_problem(409, "fence_mismatch");
    // As a killed process leaves it.
    let control = fresh.db.collection::<mongrate::bson::Document>("migrations");
    let held = doc! { "$set": {
        "owner": "nobody", "fence": 7_i64,
        "expiresAt": mongrate::bson::DateTime::from_millis(4_102_444_800_000),
        "by": { "host": "gone", "pid": 1_i64, "app": "test" },
    } };
    control.update_one(doc! { "_id": "lock" }, held).await.unwrap();
    let lock = client.get("/lock/status").await.json();
    assert_eq!((&lock["held"], &lock["fence"]), (&true.into(), &7.into()), "{lock}");
    client.post("/lock/release", r#"{"fence": 6}"#).await.is_problem(409, "fence_mismatch");
    assert_eq!(client.get("/lock/status").await.json()["held"], true);
    let released = client.post("/lock/release", r#"{"fence": 7}"#).await;
    assert_eq!(released.status, StatusCode::OK, "{released:?}");
    assert_eq!(released.json()["holder"]["host"], "gone");
    assert_eq!(client.get("/lock/status").await.json()["held"], false);
    let history = client.get("/history?event=force_unlocked").await.json();
    assert!(
        history["events"][0]["by"]["app"].as_str().unwrap().ends_with("HTTP token ops"),
        "{history}"
    );
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_written_in_development_only() {
    let fresh = TestDb::new("http_create").await;
    let client = HttpClient::over(&fresh, [effect!(1)]);
    let body = r#"{"name": "add user index", "kind": "online"}"#;
    let problem = client.post("", body).await.is_problem(403, "create_disabled");
    assert!(problem["detail"].as_str().unwrap().contains("development"), "{problem}");

    let dir = tempfile::tempdir().unwrap();
    let client = HttpClient::of(client.api.create_in(dir.path()));
    for path in ["", "/"] {
        let name = format!("add index {}", path.len());
        let answer = client.post(path, &format!(r#"{{"name": "{name}", "kind": "online"}}"#)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let created = answer.json();
        let text = std::fs::read_to_string(dir.path().join(created["file"].as_str().unwrap()));
        assert!(text.unwrap().contains("Online"), "{created}");
        assert!(!answer.text.contains(dir.path().to_str().unwrap()), "{answer:?}");
    }
    client.post("", r#"{"name": "add index 0"}"#).await.is_problem(409, "name_taken");
    for wrong in ["../../etc/passwd", "a/b", "a\\\\b", "", "\\u0000", "..", &"a".repeat(300)] {
        let answer = client.post("", &format!(r#"{{"name": "{wrong}"}}"#)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {answer:?}");
    }
    client.post("", r#"{"name": "x", "dir": "/tmp"}"#).await.is_problem(422, "usage");
    let mut files = std::fs::read_dir(dir.path()).unwrap();
    assert_eq!(files.by_ref().count(), 2);
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_at_once_have_a_version_each() {
    let fresh = TestDb::new("http_create_crowd").await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mod.rs"), "//! All.\n").unwrap();
    let client = HttpClient::over(&fresh, [effect!(1)]);
    let client = HttpClient::of(client.api.create_in(dir.path()));
    let mut all = tokio::task::JoinSet::new();
    for n in 0..24 {
        let client = client.clone();
        all.spawn(async move { client.post("/", &format!(r#"{{"name": "change {n}"}}"#)).await });
    }
    let (mut versions, mods) = (std::collections::BTreeSet::new(), dir.path().join("mod.rs"));
    while let Some(answer) = all.join_next().await {
        let answer = answer.unwrap();
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let created = answer.json();
        assert_eq!(created["mod_line_written"], true, "{created}");
        versions.insert(created["version"].as_i64().unwrap());
        let line = format!("{}\n", created["mod_line"].as_str().unwrap());
        let text = std::fs::read_to_string(&mods).unwrap();
        assert_eq!(text.matches(&line).count(), 1, "{line}: {text}");
    }
    assert_eq!(versions.len(), 24);
    assert_eq!(std::fs::read_to_string(&mods).unwrap().lines().count(), 25);
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_no_run() {
    let fresh = TestDb::new("http_no_run").await;
    let client = HttpClient::over(&fresh, [irreversible!(1), effect!(2)]);
    let answer = client.post_with("/up", r#"{"to": 1}"#, &[("prefer", "wait=60")]).await;
    let location = answer.header("content-location").to_owned();
    let path = location.strip_prefix(PREFIX).unwrap();
    let run = client.get(path).await.json();
    assert_eq!(run["state"], "done", "{run}");
    for _ in 0..101 {
        client.post("/down", "{}").await.is_problem(409, "irreversible");
    }
    client.post("/up", r#"{"to": 7}"#).await.is_problem(422, "unknown_version");
    client.post("/up", r#"{"to": 7, "dry_run": "plan"}"#).await.is_problem(422, "unknown_version");
    assert_eq!(client.get(path).await.json(), run, "it is still there");
    // What had nothing to do was not refused: it is found where its answer says.
    let answer = client.post("/up", r#"{"to": 1}"#).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    let found = client.get(answer.header("location").strip_prefix(PREFIX).unwrap()).await.json();
    assert_eq!((&found["state"], &found["id"]), (&"done".into(), &answer.json()["id"]), "{found}");
    fresh.pass().await;
}

/// Dropping the request is all that a client that goes away can do.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_stops_nothing() {
    static INSIDE: Notify = Notify::const_new();
    static GATE: Semaphore = Semaphore::const_new(0);
    let fresh = TestDb::new("http_gone").await;
    let client = HttpClient::over(&fresh, [gated!(1, INSIDE, GATE), effect!(2)]);
    {
        let waiting = client.post_with("/up", "{}", &[("prefer", "wait=60")]);
        tokio::select! {
            answer = waiting => panic!("{answer:?}"),
            () = INSIDE.notified() => {}
        }
    }
    GATE.add_permits(1);
    let migrator = fresh.migrator([effect!(1), effect!(2)]);
    while migrator.status().await.unwrap().applied < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(present(&fresh.db).await, [1, 2]);
    client.api.shutdown().await;
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_the_run_in_order() {
    static INSIDE: Notify = Notify::const_new();
    static GATE: Semaphore = Semaphore::const_new(0);
    let fresh = TestDb::new("http_stop").await;
    let stop = CancellationToken::new();
    let migrator = fresh.migrator([effect!(1), gated!(2, INSIDE, GATE)]).cancel_on(stop.clone());
    let client = HttpClient::of(Api::new(migrator, auth()));
    let run = client.post("/up", "{}").await.json();
    INSIDE.notified().await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(60), client.api.shutdown()).await.unwrap();
    let run = client.get(&format!("/runs/{}", run["id"].as_str().unwrap())).await.json();
    assert_eq!(run["state"], "cancelled", "{run}");
    let outcomes: Vec<&str> = run["report"]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["applied", "interrupted"]);
    assert_eq!(client.get("/lock/status").await.json()["held"], false);
    assert_eq!(present(&fresh.db).await, [1]);
    client.post("/up", "{}").await.is_problem(503, "cancelled");
    fresh.pass().await;
}
