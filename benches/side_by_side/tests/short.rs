//! The short form runs through: every workload but the footprint does its work, is checked, and
//! sends as many commands as it should. No time is asserted.

#![allow(clippy::unwrap_used, reason = "a panic is a test's verdict")]

use std::{fs, path::Path, process::Command};

use mongrate_bench::changes::{case::Case, way::Way};
use serde_json::Value;

#[test]
fn every_workload_does_its_work_with_as_many_commands_as_it_should() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("side_by_side");
    let _ = fs::remove_dir_all(&out);
    let output = Command::new(env!("CARGO_BIN_EXE_mongrate-bench"))
        .args(["--short", "--no-build", "--runs", "1", "--out"])
        .arg(&out)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let results = fs::read(out.join("results.json")).unwrap();
    let results: Value = serde_json::from_slice(&results).unwrap();
    let sections = results["sections"].as_array().unwrap();
    let ids: Vec<&str> = sections.iter().map(|section| section["id"].as_str().unwrap()).collect();
    let all =
        ["idle", "apply", "atomic", "rollback", "processes", "kill", "read", "backfill", "changes"];
    assert_eq!(ids, all);
    let mut exact = 0;
    for section in sections {
        let id = section["id"].as_str().unwrap();
        assert!(fs::read_to_string(out.join(format!("{id}.svg"))).unwrap().starts_with("<svg"));
        for row in section["rows"].as_array().unwrap() {
            for goal in row["goals"].as_array().into_iter().flatten() {
                if goal["text"].as_str().unwrap().contains("command") {
                    assert_eq!(goal["met"], true, "{id}: {row}");
                    exact += 1;
                }
            }
        }
    }
    assert_eq!(exact, 5, "idle twice, apply twice, rollback");
    // Each case in both directions, in each way.
    let changes = sections.iter().find(|section| section["id"] == "changes").unwrap();
    assert_eq!(changes["rows"].as_array().unwrap().len(), Case::ALL.len() * 2 * Way::ALL.len());
    let tables = fs::read_to_string(out.join("results.md")).unwrap();
    assert!(tables.contains("### Start with nothing pending"), "{tables}");
}
