//! The audit log on the command line.

use mongrate::bson::{Document, doc};
use serde_json::Value;

use super::{Clinic, text};

const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
    -----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
    -----END PUBLIC KEY-----\n";

#[tokio::test]
async fn it_is_kept_shown_and_checked() {
    let clinic = Clinic::new("audit").await;
    clinic.run(&["audit"]).await.ends(0).says("there is no audit log");
    clinic.run(&["audit", "--head"]).await.ends(0).says("there is no audit log");
    let mut up = clinic.command(&["up", "--steps", "2", "--audit-log"]);
    super::ran(up.env("USER", "anna")).await.ends(0);
    // The database remembers it.
    let mut up = clinic.command(&["up", "--steps", "1"]);
    super::ran(up.env("USER", "olga")).await.ends(0);
    let shown = clinic.run(&["audit", "--by", "olga"]).await.ends(0);
    assert!(!shown.stdout.contains("anna"), "{shown:?}");
    shown.says("olga").says("applied  20250122003");
    let page = clinic.json(&["audit", "--limit", "2"]).await.ends(0).json();
    assert_eq!(page["entries"].as_array().unwrap().len(), 2, "{page:#}");
    let below = page["next"].to_string();
    let older = clinic.json(&["audit", "--below", &below]).await.ends(0).json();
    assert_eq!(older["entries"][0]["event"], "audit_began", "{older:#}");
    assert_eq!(older["entries"][1]["user"], "anna", "{older:#}");

    let head = clinic.run(&["audit", "--head"]).await.ends(0).stdout.trim().to_owned();
    assert_eq!(text(&clinic.json(&["audit", "--head"]).await.json()["head"], "hash").len(), 64);
    clinic.run(&["audit", "--verify", "--head", &head]).await.ends(0).says("is whole: 5 entries");
    let exported = clinic.run(&["audit", "--export"]).await.ends(0);
    let lines: Vec<Value> =
        exported.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);

    // Somebody changes an entry.
    let log = clinic.fresh.db.collection::<Document>("migrations.audit_log");
    let change = doc! { "$set": { "user": "bob\u{1b}[2J" } };
    log.update_one(doc! { "_id": 2_i64 }, change).await.unwrap();
    let broken = clinic.run(&["audit", "--verify"]).await.ends(65);
    broken.says("✗ entry 2: changed").says("the audit log is broken");
    let found = clinic.json(&["audit", "--verify"]).await.ends(65).json();
    assert_eq!(found["breaks"][0]["kind"], "changed", "{found:#}");
    let shown = clinic.run(&["audit"]).await.ends(0);
    assert!(!shown.stdout.contains('\u{1b}'), "a terminal would obey: {shown:?}");
    clinic.pass().await;
}

#[tokio::test]
async fn it_is_switched_pruned_and_signed() {
    let clinic = Clinic::new("audit_switch").await;
    let place = tempfile::tempdir().unwrap();
    let (key, public) = (place.path().join("key"), place.path().join("pub"));
    std::fs::write(&key, KEY).unwrap();
    std::fs::write(&public, PUBLIC).unwrap();
    let (key, public) = (key.to_str().unwrap(), public.to_str().unwrap());
    clinic
        .run(&["audit", "--enable", "--audit-key", key])
        .await
        .ends(0)
        .says("the audit log is on");
    clinic.run(&["audit", "--enable"]).await.ends(0).says("on already; nothing was written");
    let mut up = clinic.command(&["up", "--steps", "1"]);
    super::ran(up.env("MIGRATE_AUDIT_KEY", key)).await.ends(0);
    let verified = clinic.run(&["audit", "--verify", "--public-key", public]).await.ends(0);
    verified.says("2 entries, 2 signed");
    clinic.run(&["audit", "--verify", "--public-key", key]).await.ends(64).complains("public key");
    clinic.run(&["audit", "--verify", "--public-key", "none"]).await.ends(64).complains("none: ");
    clinic.run(&["up", "--audit-key", public]).await.ends(64).complains("openssl genpkey");

    clinic.run(&["audit", "--prune", "--before", "2100-01-01"]).await.ends(64).complains("--yes");
    let dry = ["audit", "--prune", "--before", "2100-01-01", "--dry-run"];
    clinic.run(&dry).await.ends(0).says("2 entries would be removed");
    clinic.run(&["audit", "--prune", "--before", "2000-01-01", "--yes"]).await.ends(0);
    let prune = ["audit", "--prune", "--before", "2100-01-01", "--yes"];
    clinic.run(&prune).await.ends(0).says("2 entries removed, up to 2:");
    // The entry that says so was written without the key.
    clinic.run(&["audit", "--verify"]).await.ends(0).says("1 entry;");
    clinic.run(&["audit", "--verify", "--strict", "--public-key", public]).await.ends(65);
    clinic.run(&["audit", "--disable"]).await.ends(0).says("switched off");
    clinic.run(&["audit"]).await.ends(0).says("`clinic audit --enable`");
    for wrong in [
        &["audit", "--export", "--verify"][..],
        &["audit", "--prune"],
        &["audit", "--strict"],
        &["audit", "--enable", "--since", "2024-01-01"],
        &["audit", "--since", "yesterday"],
        &["audit", "--limit", "0"],
        &["audit", "--verify", "--head", "7"],
        &["audit", "--head", &format!("1:{}", "0".repeat(64))],
    ] {
        clinic.run(wrong).await.ends(64);
    }
    clinic.pass().await;
}
