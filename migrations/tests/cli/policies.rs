//! Policies and approved plans, as the sample's `mongrate.toml` and its command line have them.

use mongrate::bson::Document;

use super::{Clinic, text};

#[tokio::test]
async fn the_policies_of_the_file_are_linked_and_shown() {
    let clinic = Clinic::new("policies").await;
    let status = clinic.json(&["status"]).await.ends(0).json();
    let policies = status["policies"].as_array().unwrap();
    assert_eq!(policies.len(), 3);
    assert_eq!(text(&policies[0], "rule"), "deny = \"missing_collection\"");
    assert_eq!(text(&policies[0], "place"), "mongrate.toml:4 of `clinic`");
    assert_eq!(text(&policies[2], "rule"), "max_without_plan.backfill = 5000000");
    clinic.run(&["status"]).await.ends(0).says("policy max_without_plan.backfill = 5000000");

    // A lint that the file makes an error, whatever is acknowledged for this one call.
    clinic.run(&["up", "--to", "20250122007"]).await.ends(0);
    clinic.fresh.db.collection::<Document>("visits").drop().await.unwrap();
    let up = ["up", "--allow", "missing_collection"];
    let ran = clinic.run(&up).await.ends(65);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("refused by policy"), "{said}");
    assert!(said.contains("mongrate.toml:4 of `clinic`: deny = "), "{said}");
    clinic.run(&["check", "--allow-pending"]).await.ends(65);
    clinic.pass().await;
}

#[tokio::test]
async fn a_plan_is_written_once_and_run_as_it_is() {
    let clinic = Clinic::new("plan_file").await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("plan.json");
    let file = path.to_str().unwrap();
    let plan = clinic.run(&["plan", "--to", "20250122002", "--out", file]).await.ends(0);
    assert!(plan.stdout.contains("2 to apply, 0 to roll back"), "{}", plan.stdout);
    let written = std::fs::read_to_string(&path).unwrap();
    // It is not overwritten without being asked.
    clinic.run(&["plan", "--out", file]).await.ends(64);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
    let json =
        clinic.json(&["plan", "--steps", "2", "--out", file, "--force"]).await.ends(0).json();
    assert_eq!(json["steps"], 2);
    let to_stdout = clinic.run(&["plan", "--to", "20250122002", "--out", "-"]).await.ends(0);
    mongrate::PlanFile::parse(&to_stdout.stdout).unwrap();

    clinic.run(&["up", "--plan", file]).await.ends(0);
    clinic.run(&["up", "--plan", file]).await.ends(0);
    clinic.run(&["history"]).await.ends(0).says("by plan ");
    clinic.run(&["up", "--steps", "1"]).await.ends(0);
    let json = clinic.json(&["up", "--plan", file]).await.ends(65);
    assert_eq!(json.error_code(), "plan_differs");

    // A rollback is asked for in the same way, and asks no question.
    let back = dir.path().join("back.json");
    let back = back.to_str().unwrap();
    clinic.run(&["down", "--to", "20250122001", "--out", back]).await.ends(0);
    clinic.run(&["down", "--plan", back]).await.ends(0);
    clinic.run(&["status"]).await.ends(0).says("1 applied, 8 pending");

    for args in [
        &["up", "--plan", "no-such-file"][..],
        &["up", "--plan", file, "--to", "1"],
        &["up", "--plan", file, "--dry-run"],
        &["down", "--plan", file, "--all"],
        &["plan", "--force"],
        &["plan", "--out", "no-such-directory/plan.json"],
    ] {
        clinic.run(args).await.ends(64);
    }
    clinic.pass().await;
}
