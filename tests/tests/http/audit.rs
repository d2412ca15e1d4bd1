//! The audit log over HTTP: its pages, whether it is whole, its beginning and end, and its oldest entries.

use mongrate::{
    Policies,
    bson::{DateTime, Document, doc},
};
use mongrate_tests::{TestDb, effect};
use serde_json::Value;

use crate::{
    support::{HttpClient, WRITE},
    wire::{Served, ask, command},
};

/// Asks for the removal of entries of which there are none.
const OLD: &str = r#"{"before": "2020-01-01T00:00:00Z"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_read_page_by_page_and_names_the_token() {
    let fresh = TestDb::new("http_audit").await;
    let migrator = fresh.migrator([effect!(1), effect!(2), effect!(3)]).keep_audit_log(true);
    let client = HttpClient::with(migrator);
    let none = client.get("/audit").await.json();
    assert_eq!((none["on"].as_bool(), none["entries"].as_array().unwrap().len()), (Some(false), 0));
    client.run("/up", "{}").await;
    client.post("/runs/current/pause", r#"{"why": "the sale"}"#).await;

    let whole = client.get("/audit").await.json();
    let all = whole["entries"].as_array().unwrap().clone();
    let events: Vec<&str> = all.iter().map(|entry| entry["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["applied", "applied", "applied", "audit_began"]);
    assert!(all.iter().all(|entry| entry["user"] == "ops"), "{whole}");
    assert_eq!(whole["waiting"][0]["event"], "paused", "{whole}");
    assert!(whole.get("collection").is_none(), "it is on no list");
    let mut paged = Vec::new();
    let mut before = String::new();
    loop {
        let page = client.get(&format!("/audit?limit=3{before}")).await.json();
        paged.extend(page["entries"].as_array().unwrap().clone());
        let Some(next) = page.get("next").and_then(Value::as_i64) else { break };
        before = format!("&before={next}");
    }
    assert_eq!(paged, all);
    let found = client.get("/audit?version=2&event=applied&by=ops").await.json();
    assert_eq!(found["entries"].as_array().unwrap().len(), 1, "{found}");
    // Each filter by itself.
    for (filter, count) in [("event=audit_began", 1), ("by=ops", 4), ("by=nobody", 0)] {
        let found = client.get(&format!("/audit?{filter}")).await.json();
        assert_eq!(found["entries"].as_array().unwrap().len(), count, "{filter}: {found}");
    }
    let wrong = [
        "limit=0",
        "limit=501",
        "before=0",
        "by=",
        "since=yesterday",
        "page=1",
        "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
    ];
    for wrong in wrong {
        let code = if wrong.contains("until") { "settings" } else { "usage" };
        client.get(&format!("/audit?{wrong}")).await.is_problem(422, code);
    }

    let found = client.get("/audit/verify").await.json();
    assert_eq!((found["whole"].as_bool(), found["waiting"].as_u64()), (Some(true), Some(1)));
    let head = |number: &str| {
        format!("/audit/verify?head={number}:{}", found["head"]["hash"].as_str().unwrap())
    };
    assert_eq!(client.get(&head("4")).await.json()["whole"], true);
    let other = client.get(&head("3")).await.json();
    assert_eq!(other["breaks"][0]["kind"], "changed", "{other}");
    client.get("/audit/verify?head=x").await.is_problem(422, "usage");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_switched_on_and_off_and_the_log_says_by_whom() {
    let fresh = TestDb::new("http_audit_switch").await;
    let client = HttpClient::with(fresh.migrator([effect!(1)]));
    let first = client.post("/audit/enable", "{}").await.json();
    assert_eq!((&first["on"], &first["changed"]), (&true.into(), &true.into()), "{first}");
    assert_eq!(first["head"]["number"], 1);
    assert!(first.get("collection").is_none(), "it is on no list");
    let again = client.post("/audit/enable", "{}").await.json();
    assert_eq!((&again["on"], &again["changed"]), (&true.into(), &false.into()), "{again}");
    client.run("/up", "{}").await;
    let off = client.post("/audit/disable", "{}").await.json();
    assert_eq!((&off["on"], &off["changed"]), (&false.into(), &true.into()), "{off}");
    let page = client.get("/audit").await.json();
    let events: Vec<(&str, &str)> = page["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["event"].as_str().unwrap(), entry["user"].as_str().unwrap()))
        .collect();
    assert_eq!(events, [("audit_ended", "ops"), ("applied", "ops"), ("audit_began", "ops")]);
    for path in ["/audit/enable", "/audit/disable"] {
        client.post(path, r#"{"force": true}"#).await.is_problem(422, "usage");
    }
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_oldest_entries_are_counted_and_removed() {
    let fresh = TestDb::new("http_audit_prune").await;
    let migrator = fresh.migrator([effect!(1), effect!(2)]).keep_audit_log(true);
    let client = HttpClient::with(migrator);
    client.run("/up", "{}").await;
    let log = fresh.db.collection::<Document>("migrations.audit_log");
    let entries = async || log.count_documents(doc! {}).await.unwrap();
    assert_eq!(entries().await, 3);
    let none = client.post("/audit/prune", OLD).await.json();
    assert_eq!((&none["entries"], &none["pruned"]), (&0.into(), &true.into()), "{none}");
    let all = |trial: bool| format!(r#"{{"before": "2999-01-01T00:00:00Z", "dry_run": {trial}}}"#);
    let counted = client.post("/audit/prune", &all(true)).await.json();
    assert_eq!((&counted["entries"], &counted["pruned"]), (&3.into(), &false.into()), "{counted}");
    assert_eq!(entries().await, 3, "it was only counted");
    let removed = client.post("/audit/prune", &all(false)).await.json();
    assert_eq!((&removed["entries"], &removed["pruned"]), (&3.into(), &true.into()), "{removed}");
    assert_eq!(entries().await, 1, "the one that says so");
    assert_eq!(client.get("/audit/verify").await.json()["whole"], true);
    for wrong in ["{}", r#"{"before": "yesterday"}"#, r#"{"before": {"$gt": 0}}"#] {
        client.post("/audit/prune", wrong).await.is_problem(422, "usage");
    }
    client.post("/audit/disable", "{}").await.json();
    client.post("/audit/prune", &all(false)).await.is_problem(409, "audit");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_and_a_run_under_way_are_obeyed() {
    let fresh = TestDb::new("http_audit_refused").await;
    let migrator = fresh.migrator([effect!(1)]);
    let asked = [("/audit/enable", "{}"), ("/audit/disable", "{}"), ("/audit/prune", OLD)];
    let strict = Policies::new().only("audit", ["cli"]);
    let client = HttpClient::with(migrator.clone().policies(strict));
    for (path, body) in asked {
        client.post(path, body).await.is_problem(409, "policy");
    }
    let client = HttpClient::with(migrator);
    client.run("/up", "{}").await;
    // Another process has the lock.
    let soon = DateTime::from_millis(DateTime::now().timestamp_millis() + 3_600_000);
    let who = doc! { "host": "web-9", "pid": 7, "app": "shop" };
    let held = doc! { "$set": { "owner": "another", "by": who, "expiresAt": soon } };
    let control = fresh.db.collection::<Document>("migrations");
    control.update_one(doc! { "_id": "lock" }, held).await.unwrap();
    for (path, body) in asked {
        client.post(path, body).await.is_problem(409, "lock_held");
    }
    assert_eq!(client.get("/audit").await.json()["entries"], Value::Array(Vec::new()));
    fresh.pass().await;
}

/// Each of them is in the log of the process, with the token and what came of it.
#[tokio::test(flavor = "multi_thread")]
async fn the_process_logs_what_was_asked_for() {
    let fresh = TestDb::new("http_audit_logged").await;
    let served = Served::start(command(&fresh, &[])).await;
    for (path, body, status) in [
        ("/audit/enable", "{}", 200),
        ("/audit/prune", OLD, 200),
        ("/audit/disable", "{}", 200),
        ("/audit/prune", r#"{"before": "2999-01-01T00:00:00Z"}"#, 409),
    ] {
        assert_eq!(ask(served.address, "POST", path, WRITE, body).await.0, status, "{path}");
    }
    let (_, said) = served.end("TERM").await;
    let lines = said.lines().filter(|line| line.contains("a change was asked for"));
    let lines: Vec<&str> = lines.collect();
    let expected = [
        ("audit/enable", "done"),
        ("audit/prune", "done"),
        ("audit/disable", "done"),
        ("audit/prune", "audit"),
    ];
    assert_eq!(lines.len(), expected.len(), "{said}");
    for (line, (action, outcome)) in lines.into_iter().zip(expected) {
        for part in [format!("action=\"{action}\""), format!("outcome=\"{outcome}\"")] {
            assert!(line.contains(&part), "{part}: {line}");
        }
        assert!(line.contains("token=\"write\""), "{line}");
    }
    fresh.pass().await;
}
