//! The app as a process: its own subcommand, and Mongrate's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use mongrate::Kind;
use mongrate_tests::TestDb;
use tokio::process::Command;

async fn shop(fresh: &TestDb, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mongrate-example-clap"))
        .args(arguments)
        .env("MONGODB_URI", &fresh.uri)
        .env("MONGODB_DATABASE", fresh.db.name())
        .env_remove("RUST_LOG")
        .output()
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn the_verbs_are_a_subcommand() {
    let fresh = TestDb::new("clap").await;

    let (code, _, complaint) = shop(&fresh, &["serve"]).await;
    assert_eq!(code, i32::from(Kind::Pending.exit_code()), "{complaint}");

    let (code, report, complaint) = shop(&fresh, &["db", "up", "--json"]).await;
    assert_eq!(code, 0, "{complaint}");
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report.pointer("/steps/0/name").unwrap(), "users_by_email");

    let (code, ..) = shop(&fresh, &["serve"]).await;
    assert_eq!(code, 0);

    // Messages call the verbs as the user does.
    let (code, _, complaint) = shop(&fresh, &["db", "down", "--to", "7", "--yes"]).await;
    assert_eq!(code, i32::from(Kind::Usage.exit_code()), "{complaint}");
    assert!(complaint.contains(" db status"), "{complaint}");
    fresh.pass().await;
}
