//! Plan files and policies over HTTP.

use mongrate::Policies;
use mongrate_tests::{TestDb, effect, effects::present};
use serde_json::Value;

use crate::support::HttpClient;

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_plan_is_run_and_nothing_else() {
    let fresh = TestDb::new("http_plan").await;
    let list = || [effect!(1), effect!(2), effect!(3)];
    let policies = Policies::new().plan_required().only("down", ["http:ops"]);
    let client = HttpClient::with(fresh.migrator(list()).policies(policies));
    let problem = client.post("/up", "{}").await.is_problem(409, "policy");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("(Migrator::policies: plan_required = true)"), "{detail}");
    assert!(problem["next"].as_str().unwrap().contains("plan/file"), "{problem}");

    let plan = client.get("/plan/file?to=2").await;
    assert_eq!(plan.status, 200, "{plan:?}");
    let run = client.run("/plan/run", &plan.text).await;
    assert_eq!((&run["state"], &run["by"]), (&"done".into(), &"ops".into()), "{run}");
    assert_eq!(present(&fresh.db).await, [1, 2]);
    let digest = plan.json()["digest"].clone();
    let events = client.get("/history").await.json();
    assert!(events["events"].as_array().unwrap().iter().all(|event| event["plan"] == digest));
    let answer = client.post("/plan/run", &plan.text).await;
    let location = answer.header("location").to_owned();
    assert!(location.contains("/api/migrations/runs/"), "{answer:?}");

    let back = client.get("/plan/file?direction=down&all=true").await;
    let run = client.run("/plan/run", &back.text).await;
    assert_eq!((&run["state"], &run["verb"]), (&"done".into(), &"down".into()), "{run}");
    // The state is as the first plan saw it, but the build is another one.
    let more = HttpClient::over(&fresh, [effect!(1), effect!(2).with_checksum("edited")]);
    let problem = more.post("/plan/run", &plan.text).await.is_problem(409, "plan_differs");
    assert!(
        problem["detail"].as_str().unwrap().contains("has another body in this build"),
        "{problem}"
    );
    let status = client.get("/status").await.json();
    assert_eq!(status["policies"][0]["rule"], "plan_required = true", "{status}");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_plan_is_refused() {
    let fresh = TestDb::new("http_no_plan").await;
    let client = HttpClient::over(&fresh, [effect!(1)]);
    let plan = client.get("/plan/file").await.text;
    let edited = plan.replace("\"version\":1", "\"version\":2");
    assert_ne!(edited, plan);
    for body in ["", "{}", "[]", "null", "{\"mongrate_plan\": 99}", edited.as_str()] {
        client.post("/plan/run", body).await.is_problem(422, "settings");
    }
    let large = format!("{{\"x\": \"{}\"}}", "x".repeat(16 << 20));
    client.post("/plan/run", &large).await.is_problem(413, "too_large");
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    // Whose token may only read gets the plan, and does not run it.
    let request = crate::support::request(
        mongrate::http::axum::http::Method::POST,
        "/plan/run",
        crate::support::READ,
    );
    let request = request.header("content-type", "application/json").body(plan.into()).unwrap();
    client.send(request).await.is_problem(403, "insufficient_scope");
    fresh.pass().await;
}

/// What is late was part of what was approved: it is not asked for again.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_out_of_order_is_run_as_it_was_made() {
    let fresh = TestDb::new("http_plan_late").await;
    fresh.migrator([effect!(1), effect!(3)]).up().await.unwrap();
    let client = HttpClient::over(&fresh, [effect!(1), effect!(2), effect!(3)]);
    client.get("/plan/file").await.is_problem(409, "out_of_order");
    let plan = client.get("/plan/file?allow_out_of_order=true").await;
    assert_eq!(plan.status, 200, "{plan:?}");
    let run = client.run("/plan/run", &plan.text).await;
    assert_eq!(run["state"], "done", "{run}");
    assert_eq!(present(&fresh.db).await, [1, 2, 3]);
    fresh.pass().await;
}

/// A plan of thousands of migrations, which is larger than other requests may be.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_plan_is_taken_as_it_was_given() {
    let fresh = TestDb::new("http_plan_long").await;
    let list: Vec<_> = (1..=6_000_i64)
        .map(|version| {
            let name: &'static str = Box::leak(format!("migration_{version:050}").into_boxed_str());
            mongrate::Migration::transactional(version, name, |_| Box::pin(async { Ok(()) }))
        })
        .collect();
    let client = HttpClient::over(&fresh, list.clone());
    let plan = client.get("/plan/file").await;
    assert!(plan.text.len() > 1 << 20, "{}", plan.text.len());
    // Something has happened since: so the plan was read.
    let edited = plan.text.replacen("migration_", "other_", 1);
    client.post("/plan/run", &edited).await.is_problem(422, "settings");
    fresh.migrator([list[0]]).up().await.unwrap();
    client.post("/plan/run", &plan.text).await.is_problem(409, "plan_differs");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for_by_its_name() {
    let fresh = TestDb::new("http_only").await;
    fresh.migrator([effect!(1)]).up().await.unwrap();
    let client = |callers: &[&str]| {
        let policies = Policies::new().only("down", callers.iter().copied());
        HttpClient::with(fresh.migrator([effect!(1)]).app("shop").policies(policies))
    };
    // The app and the connection are not the caller's.
    for callers in [&["http:sre"][..], &["app:shop", "library", "cli"], &[]] {
        let problem = client(callers).post("/down", "{}").await.is_problem(409, "policy");
        let detail: &Value = &problem["detail"];
        assert!(detail.as_str().unwrap().contains("`http:ops` may not use down"), "{detail}");
    }
    let run = client(&["http"]).run("/down", "{}").await;
    assert_eq!(run["state"], "done", "{run}");
    fresh.pass().await;
}
