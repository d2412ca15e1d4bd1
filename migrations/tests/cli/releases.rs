//! Releases, tags, and one migration in the middle, as an operator types them.

use mongrate::bson::{Bson, Document, doc};
use serde_json::Value;

use super::{ALL, Clinic, steps, text};

#[tokio::test]
async fn a_tag_is_set_found_and_gone_back_to() {
    let clinic = Clinic::new("tags").await;
    clinic.run(&["tag", "v1"]).await.ends(64).complains("nothing is applied");
    clinic.run(&["tag"]).await.ends(64).complains("NAME");
    clinic.run(&["tag", "--list"]).await.ends(0).says("no tags");
    clinic.run(&["up", "--to", ALL[2]]).await.ends(0);
    let set = clinic.run(&["tag", "before the sale", "--why", "release 2"]).await.ends(0);
    set.says("✓ `before the sale` names the state of 3 applied migrations, 20250122003 ");
    clinic.run(&["up", "--to", ALL[5]]).await.ends(0);
    let taken = clinic.json(&["tag", "before the sale"]).await.ends(65);
    assert_eq!(taken.error_code(), "tag_taken");
    clinic.run(&["tag", "before the sale"]).await.complains("next: clinic tag --list");
    clinic.run(&["tag", "now"]).await.ends(0);
    let list = clinic.run(&["tag", "--list"]).await.ends(0);
    list.says("before the sale        3  3 ").says("now").says("2 tags");
    let list = clinic.json(&["tag", "--list"]).await.ends(0).json();
    assert_eq!(list.pointer("/tags/0/later").unwrap(), 3, "{list:#}");
    assert_eq!(list.pointer("/tags/0/why").unwrap(), "release 2", "{list:#}");

    clinic.run(&["down", "--to-tag", "before the sale"]).await.ends(64).complains("--yes");
    // That there is no such tag comes first.
    let unknown = clinic.json(&["down", "--to-tag", "nix"]).await.ends(64);
    assert_eq!(unknown.error_code(), "unknown_tag");
    let plan = clinic.json(&["down", "--to-tag", "before the sale", "--dry-run=plan"]).await;
    assert_eq!(steps(&plan.ends(0).json(), "direction", "down"), [ALL[5], ALL[4], ALL[3]]);
    let down = ["down", "--to-tag", "before the sale", "--yes", "--why", "too slow"];
    let down = clinic.json(&down).await.ends(0).json();
    assert_eq!(steps(&down, "outcome", "reverted"), [ALL[5], ALL[4], ALL[3]]);
    clinic.run(&["history"]).await.ends(0).says("· too slow").says("· before the sale: release 2");
    let gone = clinic.json(&["down", "--to-tag", "now", "--yes"]).await.ends(65);
    assert_eq!(gone.error_code(), "tag_unreachable");
    clinic.run(&["tag", "now", "--move"]).await.ends(0).says("now names the state of 3 applied");
    clinic.run(&["tag", "now", "--remove"]).await.ends(0).says("no longer names");
    clinic
        .run(&["tag", "now", "--remove"])
        .await
        .ends(64)
        .complains("there are: `before the sale`");
    clinic.pass().await;
}

#[tokio::test]
async fn a_release_and_one_in_the_middle() {
    let clinic = Clinic::new("releases").await;
    clinic.run(&["up", "--to", ALL[4]]).await.ends(0);
    let status = clinic.json(&["status"]).await.ends(0).json();
    let by = status.pointer("/migrations/0/by/app").and_then(Value::as_str).unwrap().to_owned();
    assert!(by.starts_with("clinic "), "{by}");
    clinic.run(&["status"]).await.ends(0).says("release").says(&by);
    let all = clinic.json(&["history", "--release", &by]).await.ends(0).json();
    assert!(!all.get("events").and_then(Value::as_array).unwrap().is_empty());
    let slip = clinic.run(&["history", "--release", "clinic 0"]).await.ends(64);
    slip.complains("no event is of the release `clinic 0`").complains(&by);
    let blanks = clinic.json(&["history", "--release", &format!(" {by} ")]).await.ends(0).json();
    assert_eq!(blanks, all);
    let unknown = clinic.json(&["down", "--to-release", "clinic 0", "--yes"]).await.ends(64);
    assert_eq!(unknown.error_code(), "unknown_release");
    assert!(text(unknown.json().get("error").unwrap(), "message").contains(&by));
    clinic.run(&["down", "--to-release", &by, "--yes"]).await.ends(0).says("nothing to do");

    for wrong in [
        &["down", "--only", ALL[0], "--all", "--yes"][..],
        &["down", "--independent", ALL[1], "--yes"],
        &["down", "--to-tag", "x", "--to-release", "y", "--yes"],
        &["redo", "--independent", ALL[1], "--yes"],
    ] {
        clinic.run(wrong).await.ends(64);
    }
    let only = clinic.run(&["down", "--only", ALL[3], "--yes"]).await.ends(65);
    only.complains("cannot be known").complains(&format!("--independent {}", ALL[4]));
    let only = ["down", "--only", ALL[3], "--independent", ALL[4]];
    let plan = clinic.run(&[&only[..], &["--dry-run=plan"]].concat()).await.ends(0);
    plan.says("pending afterwards, and older than what stays applied");
    let down = clinic.json(&[&only[..], &["--yes"]].concat()).await.ends(0).json();
    assert_eq!(steps(&down, "outcome", "reverted"), [ALL[3]]);
    let up = clinic.run(&["up"]).await.ends(65);
    let up =
        up.complains("was rolled back while newer ones stayed").complains("next: clinic status");
    assert!(!up.stderr.contains("--allow-out-of-order"), "{up:#?}");
    clinic.run(&["check"]).await.ends(65);
    clinic.run(&[&only[..], &["--yes"]].concat()).await.ends(0).says("nothing to do");
    clinic.run(&["up", "--to", ALL[3], "--allow-out-of-order"]).await.ends(0).says("1 applied");
    clinic.pass().await;
}

/// A backup that another tool put back has small numbers as that tool writes them.
#[tokio::test]
async fn a_tag_is_read_whatever_type_its_count_has() {
    let clinic = Clinic::new("tag_restored").await;
    clinic.run(&["up", "--to", ALL[2]]).await.ends(0);
    clinic.run(&["tag", "v1"]).await.ends(0);
    let control = clinic.fresh.db.collection::<Document>("migrations");
    for count in [Bson::Int32(3), Bson::Double(3.0)] {
        let set = doc! { "$set": { "tags.0.applied.count": count } };
        let changed = control.update_one(doc! { "tags.name": "v1" }, set).await.unwrap();
        assert_eq!(changed.modified_count, 1);
        clinic.run(&["tag", "--list"]).await.ends(0).says("v1 ");
        clinic.run(&["up", "--steps", "1"]).await.ends(0);
    }
    clinic.run(&["down", "--to-tag", "v1", "--yes"]).await.ends(0);
    clinic.pass().await;
}
