//! The runs of every process, and one migration, as the history tells of them.

use mongrate::{
    Change, Migration,
    bson::{Document, doc},
};
use mongrate_tests::{TestDb, effect};
use serde_json::{Value, json};

use crate::{
    support::{HttpClient, READ, WRITE},
    wire::{Served, ask, command},
};

fn fails(version: i64) -> Migration {
    Migration::transactional(version, "fails", |_| Box::pin(async { Err("wanted".into()) }))
}

fn list(page: &Value) -> Vec<(String, String, bool)> {
    let runs = page["runs"].as_array().unwrap().iter();
    runs.map(|run| {
        let text = |key: &str| run[key].as_str().unwrap_or_default().to_owned();
        (text("state"), text("direction"), run["here"].as_bool().unwrap())
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_here_and_of_elsewhere_are_one_list() {
    let fresh = TestDb::new("http_runs").await;
    let all = || [effect!(1), effect!(2), fails(3)];
    let client = HttpClient::over(&fresh, all());
    assert_eq!(client.get("/runs").await.json()["runs"], json!([]));
    client.get("/runs/current").await.is_problem(404, "no_run");

    // By the library, and recorded as another process's.
    let library = fresh.migrator(all()).app("deploy 2.0");
    library.up().to(1).await.unwrap();
    let control = fresh.db.collection::<Document>("migrations");
    let by =
        doc! { "$set": { "events.$[].by.host": "web-2.shop", "events.$[].by.pid": 4_711_i64 } };
    control.update_one(doc! { "_id": 1_i64 }, by).await.unwrap();
    let dry = client.run("/up", r#"{"dry_run": "run", "to": 2}"#).await;
    let failed = client.run("/up", "{}").await;
    let back = client.run("/down", "{}").await;

    let page = client.get("/runs").await.json();
    let (up, down, of) = ("up".to_owned(), "down".to_owned(), ToOwned::to_owned);
    assert_eq!(
        list(&page),
        [
            (of("done"), down, true),
            (of("failed"), up.clone(), true),
            (of("done"), up.clone(), true),
            (of("done"), up, false),
        ],
        "{page}"
    );
    assert_eq!(page["next"], Value::Null, "{page}");
    let runs = &page["runs"];
    assert_eq!(runs[0]["id"], back["id"]);
    assert_eq!((&runs[1]["id"], &runs[2]["id"]), (&failed["id"], &dry["id"]));
    assert_eq!(runs[1]["steps"], json!({ "total": 2, "done": 1, "failed": 1 }));
    assert_eq!(runs[1]["stopped_at"], json!({ "version": 3, "name": "fails" }));
    assert_eq!((&runs[1]["first"]["version"], &runs[1]["last"]["version"]), (&2.into(), &3.into()));
    assert_eq!((&runs[2]["dry_run"], runs[2].get("fence")), (&"run".into(), None));
    let theirs = &runs[3];
    assert_eq!(theirs["id"], "web-2.shop-4711-1", "{theirs}");
    assert_eq!(theirs["by"], json!({ "host": "web-2.shop", "pid": 4_711, "app": "deploy 2.0" }));
    assert_eq!(theirs["steps"], json!({ "total": 1, "done": 1, "failed": 0 }));
    assert!(theirs["duration_ms"].is_u64() && theirs["ended_at"].is_string(), "{theirs}");
    assert!(!page.to_string().contains("wanted"), "texts of failures are not shown");

    // Each by its id, and everything page by page.
    let (mut before, mut ids) = (String::new(), Vec::new());
    loop {
        let page = client.get(&format!("/runs?limit=1{before}")).await.json();
        ids.push(page["runs"][0]["id"].clone());
        let Some(next) = page["next"].as_str() else { break };
        before = format!("&before={next}");
    }
    let expected: Vec<Value> =
        runs.as_array().unwrap().iter().map(|run| run["id"].clone()).collect();
    assert_eq!(ids, expected);
    for run in runs.as_array().unwrap() {
        let one = client.get(&format!("/runs/{}", run["id"].as_str().unwrap())).await.json();
        for same in ["id", "state", "here", "began_at"] {
            assert_eq!(one[same], run[same], "{same}");
        }
        assert_eq!(one["counts"], run["steps"]);
    }
    let one = client.get("/runs/web-2.shop-4711-1").await.json();
    assert_eq!((&one["verb"], &one["fence"]), (&"up".into(), &1.into()), "{one}");
    assert_eq!(one["by"], "web-2.shop pid 4711 (deploy 2.0)");
    assert_eq!(
        (&one["steps"][0]["version"], &one["steps"][0]["state"]),
        (&1.into(), &"applied".into())
    );

    // A server that was started later tells of all but the dry run.
    let later = HttpClient::over(&fresh, all());
    let page = later.get("/runs").await.json();
    assert_eq!(list(&page).iter().map(|run| run.2).collect::<Vec<_>>(), [false; 3], "{page}");
    assert_eq!(page["runs"][0]["id"], back["id"], "the same id everywhere");

    for wrong in
        ["?limit=0", "?limit=501", "?before=1", "?before=", "?before=x.web-2-1-1", "?after=1"]
    {
        client.get(&format!("/runs{wrong}")).await.is_problem(422, "usage");
    }
    for (verb, body) in
        [("pause", "{}"), ("cancel", "{}"), ("tune", r#"{"settings": {"workers": 2}}"#)]
    {
        let path = format!("/runs/web-2.shop-4711-1/{verb}");
        let problem = client.post(&path, body).await.is_problem(409, "no_run");
        assert!(problem["detail"].as_str().unwrap().contains("is over"), "{problem}");
    }
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_half_way_is_interrupted() {
    let fresh = TestDb::new("http_killed").await;
    let mut hanging = command(&fresh, &[]);
    hanging.env("SERVED_HANGS", "1");
    let mut one = Served::start(hanging).await;
    let other = Served::start(command(&fresh, &[])).await;
    let (_, run) = ask(one.address, "POST", "/up", WRITE, "{}").await;
    one.says("inside").await;
    let id = serde_json::from_str::<Value>(&run).unwrap()["id"].as_str().unwrap().to_owned();
    let get = async |path: String| -> Value {
        let (status, text) = ask(other.address, "GET", &path, READ, "").await;
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    };
    let page = get("/runs".to_owned()).await;
    let it = &page["runs"][0];
    assert_eq!((&it["id"], &it["state"]), (&id.clone().into(), &"running".into()), "{page}");
    assert_eq!((&it["here"], it.get("ended_at")), (&false.into(), None), "{page}");
    assert_eq!(it["steps"]["done"], 2, "{page}");

    one.end("KILL").await;
    // The machine knows that the process is gone; nobody waits for its lease.
    let it = get(format!("/runs/{id}")).await;
    assert_eq!((&it["state"], &it["counts"]["done"]), (&"interrupted".into(), &2.into()), "{it}");
    let (status, text) = ask(other.address, "GET", "/runs/current", READ, "").await;
    assert_eq!(status, 404, "{text}");
    let (status, text) =
        ask(other.address, "POST", &format!("/runs/{id}/cancel"), WRITE, "{}").await;
    assert_eq!(status, 409, "{text}");
    // Who comes next ends the transaction that was left open, and goes on.
    ask(other.address, "POST", "/up", WRITE, "{}").await;
    while get("/runs".to_owned()).await["runs"][0]["state"] == "running" {
        tokio::task::yield_now().await;
    }
    let last = get("/runs".to_owned()).await["runs"][0].clone();
    assert_eq!((&last["state"], &last["steps"]["done"]), (&"done".into(), &1.into()), "{last}");
    other.end("TERM").await;
    fresh.pass().await;
}

fn declares(change: &mut Change) {
    change.rename_field("users", "mail", "email");
    change.create_index("users", doc! { "email": 1 });
}

#[tokio::test(flavor = "multi_thread")]
async fn one_migration_is_told_with_all_that_is_known() {
    let fresh = TestDb::new("http_detail").await;
    let huge = 9_007_199_254_740_993_i64;
    let refresh = Migration::repeatable("refresh_views", |_| Box::pin(async { Ok(()) }));
    let list = || {
        let declared = Migration::declared(2, "email", declares).labelled(&["eu"]);
        [effect!(1), declared, fails(huge), refresh.with_checksum("v1")]
    };
    let client = HttpClient::with(fresh.migrator(list()).app("shop 1.4").labels(["eu"]));
    client.run("/up", "{}").await;

    let one = client.get("/migrations/2").await.json();
    assert_eq!((&one["state"], &one["kind"]), (&"applied".into(), &"change".into()), "{one}");
    assert_eq!((&one["labels"], &one["release"]), (&json!(["eu"]), &"shop 1.4".into()), "{one}");
    assert_eq!(one["checksum"], one["recorded_checksum"], "{one}");
    let operations = one["operations"].as_array().unwrap();
    assert_eq!(operations.len(), 2, "{one}");
    assert!(operations[0]["forward"].as_str().unwrap().starts_with("rename field `mail`"), "{one}");
    assert!(operations[0]["back"].as_str().unwrap().contains("back to `mail`"), "{one}");
    let touched: Vec<&str> = one["footprint"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["what"].as_str().unwrap())
        .collect();
    assert!(touched.contains(&"`users.email`"), "{touched:?}");
    assert!(touched.contains(&"the index `email_1` of `users`"), "{touched:?}");
    let events: Vec<&Value> =
        one["events"].as_array().unwrap().iter().map(|event| &event["event"]).collect();
    assert_eq!(events, ["running", "applied"]);
    assert_eq!(one["last_event_at"], one["events"][1]["at"]);
    assert_eq!(one.get("next"), None);

    // The number as it is written, and what to do about it.
    let answer = client.get(&format!("/migrations/{huge}")).await;
    assert!(answer.text.contains(&format!("\"version\":{huge}")), "{answer:?}");
    let failed = answer.json();
    assert_eq!(failed["state"], "failed", "{failed}");
    assert!(failed["next"].as_str().unwrap().contains("POST up"), "{failed}");
    assert!(!answer.text.contains("wanted"), "texts of failures are not shown");

    let repeatable = client.get("/migrations/refresh_views").await.json();
    assert_eq!(
        (&repeatable["repeatable"], &repeatable["name"]),
        (&true.into(), &"refresh_views".into())
    );
    let number = repeatable["version"].as_i64().unwrap();
    for unknown in ["77", "0", "none", "effect_1", "%ff", "%00", "a%2fb", &number.to_string()] {
        let problem = client.get(&format!("/migrations/{unknown}")).await;
        problem.is_problem(404, "not_found");
    }
    fresh.pass().await;
}
