//! Status, plan, history and lock.

use mongrate::bson::{Document, doc};
use mongrate_tests::{TestDb, effect, irreversible};
use serde_json::{Value, json};

use crate::support::HttpClient;

fn versions(steps: &Value) -> Vec<i64> {
    steps.as_array().unwrap().iter().map(|step| step["version"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reports_are_those_of_the_command_line() {
    let fresh = TestDb::new("http_reports").await;
    let migrator = fresh.migrator([effect!(1), effect!(2), irreversible!(3)]).app("test 1.0");
    migrator.up().steps(2).await.unwrap();
    let client = HttpClient::with(migrator.clone());

    let status = client.get("/status").await.json();
    assert_eq!(status, serde_json::to_value(migrator.status().await.unwrap()).unwrap());
    assert_eq!((status["applied"].as_u64(), status["pending"].as_u64()), (Some(2), Some(1)));

    let plan = client.get("/plan?lint=true").await.json();
    let same = migrator.up().lint(true).plan().await.unwrap();
    assert_eq!(plan, serde_json::to_value(same).unwrap());
    assert_eq!(versions(&plan["steps"]), [3]);

    let lock = client.get("/lock/status").await.json();
    assert_eq!(lock, serde_json::to_value(migrator.lock_status().await.unwrap()).unwrap());
    assert_eq!(lock["held"], false);
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_findings_of_doctor_are_those_of_the_library() {
    let fresh = TestDb::new("http_doctor").await;
    let migrator = fresh.migrator([effect!(1)]);
    let client = HttpClient::with(migrator.clone());
    let told = client.get("/doctor").await.json();
    let own = serde_json::to_value(migrator.doctor().await.unwrap()).unwrap();
    let checks = |report: &Value| -> Vec<(Value, Value)> {
        let findings = report["findings"].as_array().unwrap().iter();
        findings.map(|finding| (finding["check"].clone(), finding["verdict"].clone())).collect()
    };
    assert_eq!(checks(&told), checks(&own));
    assert_eq!(told["server"]["version"], own["server"]["version"]);
    assert!(["ok", "note"].contains(&told["verdict"].as_str().unwrap()), "{told}");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_told_with_what_fixes_it() {
    const MODELS: &str = "mongrate-models v1\nusers options collection strict/error\nusers index \
                          name_1 {\"key\":{\"name\":1}}\nusers User root object@User\nusers User field \
                          name string\nend\n";
    let fresh = TestDb::new("http_drift").await;
    let migrator = fresh.migrator([effect!(1), effect!(2)]).models(MODELS).ignore_drift("effects");
    migrator.up().steps(1).await.unwrap();
    fresh.db.create_collection("imported").await.unwrap();
    let users = fresh.db.collection::<Document>("users");
    users.insert_many([doc! { "name": "anna" }, doc! { "name": 5 }, doc! {}]).await.unwrap();
    let client = HttpClient::with(migrator.clone());

    let drift = client.get("/drift").await.json();
    assert_eq!(drift, serde_json::to_value(migrator.drift().await.unwrap()).unwrap());
    let kinds: Vec<&str> = drift["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| difference["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["collection_extra", "validator_missing", "index_missing"]);
    assert_eq!(drift["differences"][0]["shell"][0], "db.getCollection(\"imported\").drop()");
    assert_eq!(drift["pending"][0]["version"], 2);
    assert!(drift.get("samples").is_none());

    let sampled = client.get("/drift?sample=50").await.json();
    assert_eq!(
        sampled["samples"],
        json!([{
            "collection": "users", "documents": 3, "misfits": 2,
            "fields": [{ "field": "name", "documents": 2 }],
        }])
    );
    for wrong in ["?sample=0", "?sample=10001", "?sample=x", "?ignore=*"] {
        client.get(&format!("/drift{wrong}")).await.is_problem(422, "usage");
    }
    let without = HttpClient::with(fresh.migrator([effect!(1), effect!(2)]));
    let problem = without.get("/drift").await;
    problem.is_problem(422, "settings");
    assert!(problem.text.contains("models.snap") && !problem.text.contains("cargo"), "{problem:?}");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_goes_both_ways() {
    let fresh = TestDb::new("http_plans").await;
    let migrator = fresh.migrator([effect!(1), effect!(2), effect!(3), effect!(4)]);
    migrator.up().to(2).await.unwrap();
    migrator.up().to(3).await.unwrap();
    let client = HttpClient::with(migrator);
    for (query, expected) in [
        ("", vec![4]),
        ("?to=4", vec![4]),
        ("?steps=1", vec![4]),
        ("?direction=down", vec![3]),
        ("?direction=down&steps=2", vec![3, 2]),
        ("?direction=down&to=1", vec![3, 2]),
        ("?direction=down&to=0", vec![3, 2, 1]),
        ("?direction=down&batch=true", vec![3]),
        ("?direction=down&all=true&lint=true", vec![3, 2, 1]),
    ] {
        let plan = client.get(&format!("/plan{query}")).await.json();
        assert_eq!(versions(&plan["steps"]), expected, "{query}");
    }
    client.get("/plan?to=77").await.is_problem(422, "unknown_version");
    for wrong in [
        "?unknown=1",
        "?to=x",
        "?to=-1",
        "?to=0",
        "?steps=0",
        "?direction=sideways",
        "?batch=true",
        "?direction=down&all=true&batch=true",
        "?to=1&to=2",
        "?to[$gt]=1",
        "?direction=down&allow_out_of_order=true",
    ] {
        client.get(&format!("/plan{wrong}")).await.is_problem(422, "usage");
    }
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_is_read_page_by_page() {
    let fresh = TestDb::new("http_history").await;
    let migrator = fresh.migrator([effect!(1), effect!(2), effect!(3)]);
    migrator.up().await.unwrap();
    migrator.down().steps(2).await.unwrap();
    migrator.up().await.unwrap();
    let client = HttpClient::with(migrator);

    let whole = client.get("/history").await.json();
    let all = whole["events"].as_array().unwrap().clone();
    assert_eq!(all.len(), 7, "{whole}");
    assert_eq!(whole.get("next"), None);
    assert!(all.windows(2).all(|pair| pair[0]["at"].as_str() >= pair[1]["at"].as_str()));

    let mut paged = Vec::new();
    let mut before = String::new();
    loop {
        let page = client.get(&format!("/history?limit=2{before}")).await.json();
        paged.extend(page["events"].as_array().unwrap().clone());
        let Some(next) = page.get("next").and_then(Value::as_str) else { break };
        before = format!("&before={next}");
    }
    assert_eq!(paged, all);

    let reverted = client.get("/history?event=reverted&version=3").await.json();
    assert_eq!(reverted["events"].as_array().unwrap().len(), 1, "{reverted}");
    assert_eq!(reverted["events"][0]["direction"], "down");
    for wrong in ["?limit=0", "?limit=501", "?before=x", "?release=", "?version=0", "?page=1"] {
        client.get(&format!("/history{wrong}")).await.is_problem(422, "usage");
    }
    fresh.pass().await;
}

/// An empty page would not tell a name that is misspelt from one of which nothing happened.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_does_not_exist_is_refused_with_those_that_do() {
    let fresh = TestDb::new("http_unknown_names").await;
    let migrator = fresh.migrator([effect!(1), effect!(2), effect!(3)]).keep_audit_log(true);
    let client = HttpClient::with(migrator.clone().app("shop 1.4.0"));
    let empty = async |path: &str| {
        let page = client.get(path).await.json();
        let all = page.get("events").or(page.get("entries")).and_then(Value::as_array).unwrap();
        assert!(all.is_empty(), "{path}: {page}");
    };
    // Nothing happened yet: there is no name to name.
    empty("/history?release=shop%201.3.0").await;
    client.run("/up", r#"{"to": 2}"#).await;

    for (path, code, names) in [
        ("/history?release=shop%201.3.0", "unknown_release", "`shop 1.4.0`"),
        ("/history?event=reversed", "settings", "reverted"),
        ("/history?event=$where", "settings", "applied, reverted, running"),
        ("/history?version=4", "unknown_version", "version 4"),
        ("/audit?event=reversed", "settings", "reverted"),
        ("/audit?version=4", "unknown_version", "version 4"),
    ] {
        let problem = client.get(path).await.is_problem(422, code);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(names), "{path}: {detail}");
    }
    // Names that exist, of which nothing happened: an empty page is the answer.
    for path in [
        "/history?event=failed",
        "/history?version=3",
        "/history?release=shop%201.4.0&version=3",
        "/audit?event=failed",
        "/audit?version=3",
        // Everybody may be a user, and every name an app's.
        "/audit?by=nobody",
    ] {
        empty(path).await;
    }
    // What this build has not, and the history has.
    let client = HttpClient::with(fresh.migrator([effect!(1)]));
    let page = client.get("/history?version=2").await.json();
    assert_eq!(page["events"][0]["version"], 2, "{page}");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_lists_every_status() {
    let fresh = TestDb::new("http_statuses").await;
    let client = HttpClient::over(&fresh, [effect!(1)]);
    let document = client.get("/openapi.json").await.json();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let listed = |status: &str| operation["responses"].get(status).is_some();
            let mut wanted = vec!["405", "414", "421", "431"];
            if (path.as_str(), method.as_str()) != ("/", "get") {
                wanted.extend(["401", "403", "409", "422", "429", "500", "503"]);
            }
            if method == "post" {
                wanted.extend(["400", "413", "415"]);
            }
            for status in wanted {
                assert!(listed(status), "{method} {path}: {status}");
            }
            let one = path.starts_with("/runs/{id}") || path.starts_with("/migrations/");
            assert_eq!(listed("404"), one, "{method} {path}");
            let is_kept = method == "get" && path != "/events";
            assert_eq!(listed("304"), is_kept, "{method} {path}");
        }
    }
    // What no document can say otherwise: every number of a version is a whole one of 64 bits.
    let version = &document["components"]["schemas"]["RunStep"]["properties"]["version"];
    assert_eq!((&version["type"], &version["format"]), (&json!("integer"), &json!("int64")));
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn great_versions_and_strange_names_come_through_exactly() {
    let fresh = TestDb::new("http_exact").await;
    let great =
        mongrate::Migration::transactional(9_007_199_254_740_993, "na\u{202e}me\u{9b}", |_| {
            Box::pin(async { Ok(()) })
        });
    let client = HttpClient::over(&fresh, [effect!(1), great]);
    let run = client.run("/up", r#"{"to": 9007199254740993}"#).await;
    assert_eq!(run["steps"][1]["version"], 9_007_199_254_740_993_i64, "{run}");
    let status = client.get("/status").await;
    // A number on the wire, and nothing that a terminal obeys.
    assert!(status.text.contains(r#""version":9007199254740993"#), "{status:?}");
    assert!(status.text.contains(r"na\u202eme\u009b"), "{status:?}");
    assert_eq!(status.json()["migrations"][1]["name"], "na\u{202e}me\u{9b}");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_lies_below_any_prefix() {
    use crate::support::{HttpClient, READ, auth};
    use mongrate::http::axum::{body::Body, http::Request};
    use mongrate::http::{Api, axum::Router};

    let fresh = TestDb::new("http_prefix").await;
    let api = Api::new(fresh.migrator([effect!(1)]), auth());
    let at = async |router: Router, path: &str| {
        let client = HttpClient { api: api.clone(), router };
        let request = Request::get(path).header("authorization", format!("Bearer {READ}"));
        client.send(request.body(Body::empty()).unwrap()).await.status.as_u16()
    };
    let merged = Router::new().merge(api.router());
    for path in ["/api/migrations/status", "/api/migrations", "/api/migrations/"] {
        assert_eq!(at(merged.clone(), path).await, 200, "{path}");
    }
    assert_eq!(at(merged, "/status").await, 404);
    let own = api.clone().prefix("db/v1/").unwrap().router();
    assert_eq!(at(own, "/db/v1/status").await, 200);
    for root in ["", "/"] {
        let own = api.clone().prefix(root).unwrap().router();
        assert_eq!(at(own.clone(), "/status").await, 200);
        assert_eq!(at(own, "/").await, 200);
    }
    let nested = Router::new().nest("/admin", api.router());
    assert_eq!(at(nested, "/admin/api/migrations/status").await, 200);
    for wrong in ["/{x}", "/a//b", "/a b", "/*", "/é"] {
        assert!(api.clone().prefix(wrong).is_err(), "{wrong}");
    }
    assert_eq!(json!(api.router().has_routes()), true);
    fresh.pass().await;
}
