//! Every command of `docs/http.md`, run as it is written.

use std::{collections::BTreeSet, process::Command};

use mongrate_tests::TestDb;
use serde_json::Value;

use crate::{
    support::{READ, WRITE},
    wire::{Served, ask, command},
};

const GUIDE: &str = include_str!("../../../docs/http.md");

/// The commands that the page shows, each with the status that it says is answered.
fn commands() -> Vec<(String, u16)> {
    let mut found = Vec::new();
    let mut parts = GUIDE.split("```sh\n").skip(1);
    while let Some(block) = parts.next().and_then(|part| part.split_once("```")) {
        let (text, _) = block;
        if !text.contains("curl") {
            continue;
        }
        let (command, status) = text.trim().rsplit_once("# ").unwrap_or_else(|| panic!("{text}"));
        found.push((command.to_owned(), status.trim().parse().unwrap()));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_guide_answers_as_it_says() {
    let fresh = TestDb::new("http_guide").await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("src/migrations")).unwrap();
    let mut command = command(&fresh, &["--allow-create"]);
    command.current_dir(dir.path());
    let served = Served::start(command).await;
    let (status, document) = ask(served.address, "GET", "/openapi.json", READ, "").await;
    assert_eq!(status, 200, "{document}");
    let document: Value = serde_json::from_str(&document).unwrap();

    let mut shown = BTreeSet::new();
    // What is set at the top of the page.
    let set = GUIDE.split("```sh\n").find(|block| block.starts_with("API=")).unwrap();
    let set = set.split("```").next().unwrap();
    for (text, status) in commands() {
        // The last one says its status.
        let script = format!(
            "set -euo pipefail\n{set}\ncurl() {{ local code=0; command curl -sS -o body -w \
             '%{{http_code}}' \"$@\" > status || code=$?; cat body; return $code; }}\n{text}\n"
        )
        .replace("127.0.0.1:6480", &served.address.to_string());
        let output = Command::new("bash")
            .args(["-c", &script])
            .current_dir(dir.path())
            .env("MONGRATE_READ_TOKEN", READ)
            .env("MONGRATE_WRITE_TOKEN", WRITE)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}\n{said}\n{errors}");
        let answered = std::fs::read_to_string(dir.path().join("status")).unwrap();
        assert_eq!(answered, status.to_string(), "{text}\n{said}\n{errors}");
        shown.insert(endpoint(&text));
    }
    let paths = document["paths"].as_object().unwrap();
    for (path, methods) in paths {
        for method in methods.as_object().unwrap().keys() {
            let wanted = format!("{} {path}", method.to_uppercase());
            assert!(shown.contains(&wanted), "{wanted} is not among {shown:?}");
        }
    }
    served.end("TERM").await;
    fresh.pass().await;
}

/// `GET /status`, of a command.
fn endpoint(text: &str) -> String {
    let text = text.lines().last().unwrap_or(text);
    let changes = text.contains(" -d ");
    let method = if changes { "POST" } else { "GET" };
    let path = text.rsplit_once("$API").map_or("", |(_, rest)| rest);
    let end = path.find(|c: char| "?\"' \n".contains(c)).unwrap_or(path.len());
    let path = match path.split_at(end).0 {
        "" => "/",
        path => path,
    };
    // A run's id, and what is asked of that run.
    let path = match path.strip_prefix("/runs/").map(|rest| rest.split_once('/')) {
        Some(None) => "/runs/{id}".to_owned(),
        Some(Some((_, verb))) => format!("/runs/{{id}}/{verb}"),
        None => path.to_owned(),
    };
    let path = match path.starts_with("/migrations/") {
        true => "/migrations/{version}".to_owned(),
        false => path,
    };
    format!("{method} {path}")
}
