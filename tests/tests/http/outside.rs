//! What others make of the OpenAPI document: `bash tests/outside`, which installs them.

use std::{path::Path, process::Output};

use mongrate::bson::doc;
use mongrate_tests::TestDb;
use tokio::process::Command;

use crate::{
    support::{PREFIX, READ, WRITE},
    wire::{Served, ask, command},
};

/// Not everything that the document allows makes sense (two targets at once), or is there (a
/// version): both are answered with the 422 that it promises. And a fuzzer that sends a wrong token
/// with each of its requests is told to slow down (429) instead of 401; that every route wants a
/// token is seen in `doors`.
const NOT_EXPECTED: &str = "positive_data_acceptance,ignored_auth";

/// In the connection string, and in what a migration says when it fails.
const PASSWORD: &str = "canary-Pa55word";
const VALUE: &str = "canary-of-a-document";

async fn run(program: &str, arguments: &[&str], dir: &Path) -> Output {
    Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .env("NO_COLOR", "1")
        .kill_on_drop(true)
        .output()
        .await
        .unwrap_or_else(|error| panic!("{program}: {error}; run `bash tests/outside`"))
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text + &String::from_utf8_lossy(&output.stderr)
}

async fn document(served: &Served, dir: &Path) -> std::path::PathBuf {
    let (status, text) = ask(served.address, "GET", "/openapi.json", READ, "").await;
    assert_eq!(status, 200, "{text}");
    let path = dir.join("openapi.json");
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a fuzzer: bash tests/outside"]
async fn a_fuzzer_finds_no_leak_and_no_answer_that_was_not_promised() {
    let fresh = TestDb::new("http_fuzz").await;
    // A user of this test's own, whose password is the canary.
    let user = fresh.db.name().to_owned();
    let roles = vec![doc! { "role": "root", "db": "admin" }];
    let admin = fresh.db.client().database("admin");
    admin.run_command(doc! { "createUser": &user, "pwd": PASSWORD, "roles": roles }).await.unwrap();
    let uri = fresh.uri.replacen("mongodb://", &format!("mongodb://{user}:{PASSWORD}@"), 1);
    let separator = if uri.contains('?') { "&" } else { "/?" };
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("src/migrations")).unwrap();
    let mut command = command(&fresh, &["--allow-create"]);
    command
        .current_dir(dir.path())
        .env("MONGODB_URI", format!("{uri}{separator}authSource=admin"))
        .env("SERVED_FAILS", format!("no such user {VALUE} at mongodb://root:{PASSWORD}@db"));
    let served = Served::start(command).await;
    let document = document(&served, dir.path()).await;

    let url = format!("http://{}{PREFIX}", served.address);
    let authorization = format!("Authorization: Bearer {WRITE}");
    let fuzzed = run(
        "schemathesis",
        &[
            &["run", document.to_str().unwrap(), "--url", &url, "--header", &authorization][..],
            &["--checks", "all", "--exclude-checks", NOT_EXPECTED, "--exclude-path", "/events"],
            &["--phases", "examples,coverage,fuzzing", "--max-examples", "60", "--seed", "1"],
            // Python 3.11 loses count when two threads read its own source (python/cpython#106905).
            &["--workers", "1", "--continue-on-failure", "--request-timeout", "60"],
            &["--report", "har", "--report-har-path", "report.har", "--output-sanitize", "false"],
        ]
        .concat(),
        dir.path(),
    )
    .await;
    let text = said(&fuzzed);
    let report = std::fs::read(dir.path().join("report.har"));
    let report = report.unwrap_or_else(|error| panic!("no report: {error}: {text}"));
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    let entries = report["log"]["entries"].as_array().unwrap();
    assert!(entries.len() > 500, "{} requests: {text}", entries.len());
    for entry in entries {
        let answer = entry["response"].to_string();
        assert!(entry["response"]["status"].as_u64() < Some(500), "{entry}");
        for canary in [PASSWORD, VALUE] {
            assert!(!answer.contains(canary), "{entry}");
        }
    }
    assert!(fuzzed.status.success(), "{text}");
    println!("{} requests", entries.len());
    let (_, log) = served.end("TERM").await;
    assert!(!log.contains(PASSWORD) && !log.contains(WRITE), "{log}");
    admin.run_command(doc! { "dropUser": &user }).await.unwrap();
    fresh.pass().await;
}

/// Uses the client as its readme says.
const SCRIPT: &str = r#"
import sys
from mongrate_client import AuthenticatedClient
from mongrate_client.api.change import up, down, lock_release
from mongrate_client.api.read import status, plan, history, run, lock_status
from mongrate_client.models import UpRequest, DownRequest, ReleaseRequest, Problem, Run, StatusReport

url, token = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=token)
found = status.sync(client=client)
assert isinstance(found, StatusReport) and found.pending == 3, found
assert [step.version for step in plan.sync(client=client).steps] == [1, 2, 3]
ended = up.sync(client=client, body=UpRequest(), prefer="wait=60")
assert isinstance(ended, Run) and str(ended.state) == "done", ended
assert [step.name for step in ended.steps] == ["add_users", "mark_visits", "last_one"], ended
assert run.sync(client=client, id=ended.id).report.batch == 1
assert status.sync(client=client).applied == 3
refused = up.sync(client=client, body=UpRequest(to=77))
assert isinstance(refused, Problem) and refused.code == "unknown_version", refused
refused = lock_release.sync(client=client, body=ReleaseRequest(fence=1))
assert isinstance(refused, Problem) and refused.status == 409, refused
ended = down.sync(client=client, body=DownRequest(all_=True), prefer="wait=60")
assert str(ended.state) == "done", ended
events = history.sync(client=client, limit=100).events
assert {event.event for event in events} >= {"applied", "reverted"}, events
assert lock_status.sync(client=client).held is False
stranger = AuthenticatedClient(base_url=url, token="a-token-that-is-none")
refused = status.sync(client=stranger)
assert isinstance(refused, Problem) and refused.code == "unauthenticated", refused
print("fine")
"#;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a generator: bash tests/outside"]
async fn a_generated_client_works() {
    let fresh = TestDb::new("http_client").await;
    let served = Served::start(command(&fresh, &[])).await;
    let dir = tempfile::tempdir().unwrap();
    let document = document(&served, dir.path()).await;
    std::fs::write(
        dir.path().join("config.yml"),
        "project_name_override: mongrate-client\npackage_name_override: mongrate_client\npost_hooks: []\n",
    )
    .unwrap();
    let path = document.to_str().unwrap();
    let generate = ["generate", "--path", path, "--config", "config.yml", "--fail-on-warning"];
    let generated = run("openapi-python-client", &generate, dir.path()).await;
    assert!(generated.status.success(), "{}", said(&generated));
    std::fs::write(dir.path().join("mongrate-client/use.py"), SCRIPT).unwrap();
    let url = format!("http://{}{PREFIX}", served.address);
    let used = run("python3", &["use.py", &url, WRITE], &dir.path().join("mongrate-client")).await;
    assert_eq!(said(&used).trim(), "fine");
    served.end("TERM").await;
    fresh.pass().await;
}
