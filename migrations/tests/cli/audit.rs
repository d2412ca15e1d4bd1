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
    let none = clinic.run(&["audit", "--head"]).await.ends(65);
    assert_eq!(none.stdout, "");
    none.complains("there is no audit log").complains("`clinic audit --enable`");
    let none = clinic.run(&["audit", "--verify"]).await.ends(0);
    assert!(!none.stdout.contains('✓'), "{none:?}");
    none.says("there is no audit log, so nothing was verified");
    let kept = format!("1:{}", "0f".repeat(32));
    clinic
        .run(&["audit", "--verify", "--head", &kept])
        .await
        .ends(65)
        .says("✗ there is no audit log");
    for neither in ["ture", "2", "enabled"] {
        let mut up = clinic.command(&["up", "--steps", "1"]);
        let refused = super::ran(up.env("MIGRATE_AUDIT_LOG", neither)).await.ends(64);
        refused.complains("is neither `true` nor `false`");
    }
    for off in ["", "off", "no", "0", "False"] {
        let mut status = clinic.command(&["status"]);
        super::ran(status.env("MIGRATE_AUDIT_LOG", off)).await.ends(0);
    }
    let mut up = clinic.command(&["up", "--steps", "2", "--audit-log"]);
    super::ran(up.env("USER", "anna")).await.ends(0);
    // The database remembers it.
    let mut up = clinic.command(&["up", "--steps", "1"]);
    super::ran(up.env("USER", "olga")).await.ends(0);
    let shown = clinic.run(&["audit", "--by", "olga"]).await.ends(0);
    assert!(!shown.stdout.contains("anna"), "{shown:?}");
    shown.says("olga").says("applied  20250122003  ");
    let status = clinic.json(&["status"]).await.ends(0).json();
    let name = text(status.pointer("/migrations/2").unwrap(), "name");
    clinic.run(&["audit", "--by", "olga"]).await.says(&format!("20250122003  {name} "));
    let slip = clinic.run(&["audit", "--event", "applyed"]).await.ends(64);
    slip.complains("`applyed` is no event").complains("applied, reverted");
    clinic.run(&["audit", "--event", "skipped"]).await.ends(0).says("no entries");
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
    // A key alone switches nothing on.
    let verify = ["audit", "--verify", "--public-key", public];
    clinic.run(&verify).await.ends(65).says("its entries are to be signed");
    let mut verify = clinic.command(&["audit", "--verify"]);
    super::ran(verify.env("MIGRATE_AUDIT_KEY", key)).await.ends(65);
    let unlogged = clinic.run(&["up", "--steps", "1", "--audit-key", key]).await.ends(0);
    unlogged.complains("no audit log is on");
    clinic
        .run(&["audit", "--enable", "--audit-key", key])
        .await
        .ends(0)
        .says("the audit log is on");
    clinic.run(&["audit", "--enable"]).await.ends(0).says("on already; nothing was written");
    let mut up = clinic.command(&["up", "--steps", "1"]);
    let up = super::ran(up.env("MIGRATE_AUDIT_KEY", key)).await.ends(0);
    assert!(!up.stderr.contains("no audit log is on"), "{up:?}");
    let verified = clinic.run(&["audit", "--verify"]).await.ends(0);
    verified.says("3 signed (signatures not checked: `--public-key FILE`)");
    let verified = clinic.run(&["audit", "--verify", "--public-key", public]).await.ends(0);
    verified.says("3 entries, 3 signed;");
    clinic.run(&["audit", "--verify", "--public-key", key]).await.ends(64).complains("public key");
    clinic.run(&["audit", "--verify", "--public-key", "none"]).await.ends(64).complains("none: ");
    clinic.run(&["up", "--audit-key", public]).await.ends(64).complains("openssl genpkey");

    clinic
        .run(&["audit", "--prune", "--before", "2100-01-01"])
        .await
        .ends(64)
        .complains("`audit --prune` needs");
    let dry = ["audit", "--prune", "--before", "2100-01-01", "--dry-run"];
    clinic.run(&dry).await.ends(0).says("3 entries would be removed");
    clinic.run(&["audit", "--prune", "--before", "2000-01-01", "--yes"]).await.ends(0);
    let prune = ["audit", "--prune", "--before", "2100-01-01", "--yes"];
    clinic.run(&prune).await.ends(0).says("3 entries removed, up to 3:");
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

#[tokio::test]
async fn why_a_tag_was_set_is_in_the_log() {
    let clinic = Clinic::new("audit_tag").await;
    clinic.run(&["up", "--steps", "1", "--audit-log"]).await.ends(0);
    clinic.run(&["tag", "t1", "--why", "release 2"]).await.ends(0);
    clinic.run(&["tag", "t2"]).await.ends(0);
    let page = clinic.json(&["audit", "--event", "tagged"]).await.ends(0).json();
    assert_eq!(page["entries"][0]["note"], "t1: release 2", "{page:#}");
    assert_eq!(page["entries"][1]["note"], "t2", "{page:#}");
    clinic.pass().await;
}
