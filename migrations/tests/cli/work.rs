//! A day's work: every verb, and what an edit, a failure and a held lock look like.

use std::time::Duration;

use mongrate::{
    Migration,
    bson::{Document, doc},
};
use serde_json::Value;

use super::{ALL, Clinic, FAIL_POINT, command, ran, signals::Signalled, steps, text};

#[tokio::test]
async fn every_verb_in_a_days_work() {
    let clinic = Clinic::new("days_work").await;

    let status = clinic.json(&["status"]).await.ends(0).json();
    assert_eq!(status.get("pending").unwrap(), 9, "{status:#}");
    clinic.run(&["status"]).await.ends(0).says("0 applied, 9 pending");
    clinic.run(&["history"]).await.ends(0).says("no events");
    clinic.run(&["lock-status"]).await.ends(0).says("the lock is free");
    let behind = clinic.run(&["check"]).await.ends(3).complains("9 migrations pending");
    let behind = behind.complains("next: clinic up\n").complains("run `up` first\n");
    assert!(!behind.stderr.contains("nothing was run"), "a verb that reads: {behind:#?}");
    // What was typed to say which history is meant belongs to the next step.
    let with = ["--collection", "other", "--group", "default", "--labels", "demo"];
    let behind = clinic.run(&[&["check"], &with[..]].concat()).await.ends(3);
    behind.complains("next: clinic up --group default --collection other --labels demo");

    // Dry: nothing at all is in the database afterwards.
    let plan = clinic.json(&["plan"]).await.ends(0).json();
    assert_eq!(steps(&plan, "direction", "up"), ALL);
    let dry = clinic.json(&["up", "--dry-run", "--to", ALL[2]]).await.ends(0).json();
    assert_eq!(steps(&dry, "direction", "up"), ALL[..3]);
    clinic.run(&["down", "--dry-run", "--all"]).await.ends(0).says("nothing to do");
    clinic.run(&["redo", "--dry-run"]).await.ends(0).says("nothing to do");
    clinic.run(&["repair", "--dry-run"]).await.ends(0).says("nothing to repair");
    assert_eq!(clinic.fresh.db.list_collection_names().await.unwrap(), Vec::<String>::new());

    // Up by number, by version, the rest but the last.
    let up = clinic.run(&["up", "--steps", "2"]).await.ends(0).says("2 applied in ");
    up.says(", batch 1").says("✓  20250122001  initialize_migrations");
    let up = clinic.json(&["up", "--to", ALL[2], "--wait", "10s", "--lease", "5s"]).await.ends(0);
    assert_eq!(steps(&up.json(), "outcome", "applied"), ALL[2..3]);
    let up = clinic.json(&["up", "--to", ALL[5], "--continue-on-error"]).await.ends(0).json();
    assert_eq!(up.get("batch").unwrap(), 3, "{up:#}");

    // Down by one, by number, by version, by batch; and again.
    let down = clinic.json(&["down", "--yes"]).await.ends(0).json();
    assert_eq!(steps(&down, "outcome", "reverted"), ALL[5..6]);
    let down = clinic.json(&["down", "--steps", "2", "-y"]).await.ends(0).json();
    assert_eq!(steps(&down, "outcome", "reverted"), [ALL[4], ALL[3]]);
    let redo = clinic.json(&["redo", "--yes"]).await.ends(0).json();
    assert_eq!(steps(&redo, "outcome", "reverted"), ALL[2..3]);
    assert_eq!(steps(&redo, "outcome", "applied"), ALL[2..3]);
    let down = clinic.json(&["down", "--to", ALL[1], "--yes"]).await.ends(0).json();
    assert_eq!(steps(&down, "outcome", "reverted"), ALL[2..3]);
    let down = clinic.json(&["down", "--batch", "--yes"]).await.ends(0).json();
    assert_eq!(steps(&down, "outcome", "reverted"), [ALL[1], ALL[0]]);
    clinic.run(&["up", "--to", ALL[5]]).await.ends(0).says("6 applied");
    clinic.run(&["down", "--all", "--yes"]).await.ends(0).says("6 rolled back");

    // All the way, past the point of no return.
    clinic.run(&["up"]).await.ends(0).says("9 applied");
    clinic.run(&["up"]).await.ends(0).says("nothing to do");
    clinic.run(&["check"]).await.ends(0).says("this build fits the database");

    // What is for development only is left out, runs where it is asked for, and once.
    let patients = clinic.fresh.db.collection::<Document>("patients");
    let demo = doc! { "family": "Demo" };
    clinic.run(&["status"]).await.ends(0).says("demo_patients");
    assert_eq!(patients.count_documents(demo.clone()).await.unwrap(), 0);
    clinic.run(&["up", "--labels", "demo"]).await.ends(0).says("demo_patients");
    clinic.run(&["up", "--labels", "demo"]).await.ends(0).says("nothing to do");
    assert_eq!(patients.count_documents(demo).await.unwrap(), 3);

    // The backfill changed every visit, and changes it back.
    let visits = clinic.fresh.db.collection::<Document>("visits");
    let january = doc! { "month": "2025-01" };
    let dated = doc! { "month": { "$exists": true } };
    assert!(visits.count_documents(january).await.unwrap() > 0);
    assert_eq!(visits.count_documents(dated.clone()).await.unwrap(), 5_000);
    clinic.run(&["down", "--yes"]).await.ends(0).says("20250122009");
    assert_eq!(visits.count_documents(dated).await.unwrap(), 0);

    // What was declared comes back by itself, what it kept until then can be removed.
    let patients = clinic.fresh.db.collection::<Document>("patients");
    let named = doc! { "name": { "$type": "string" } };
    assert_eq!(patients.count_documents(named.clone()).await.unwrap(), 0);
    let plan = clinic.run(&["down", "--dry-run"]).await.ends(0);
    let plan = plan.says("bring field `name` of `patients` back");
    plan.says("rename field `complaint` of `visits` back to `reason` · 5,000 documents");
    clinic.run(&["down", "--yes"]).await.ends(0).says("1 rolled back");
    assert_eq!(patients.count_documents(named).await.unwrap(), 2_000);
    clinic.run(&["purge", "--dry-run"]).await.ends(0).says("nothing is kept");
    clinic.run(&["up"]).await.ends(0).says("2 applied");
    clinic.run(&["purge"]).await.ends(64).complains("--yes");
    let kept = clinic.json(&["purge", "--dry-run"]).await.ends(0).json();
    assert_eq!(kept.get("purged").unwrap(), false, "{kept:#}");
    clinic.run(&["purge", "--older-than", "1d", "--yes"]).await.ends(0).says("nothing is kept");
    let purged = clinic.run(&["purge", "--version", ALL[7], "--yes"]).await.ends(0);
    purged.says("migrations.kept.20250122008.1      2,000").says("1 collection removed");
    clinic.run(&["down", "--yes"]).await.ends(0).says("20250122009");
    let refused = clinic.json(&["down", "--yes"]).await.ends(1).json().to_string();
    assert!(refused.contains("which is gone (`purge`?)"), "{refused}");
    let down = clinic.json(&["down", "--steps", "2", "--yes"]).await.ends(65);
    assert_eq!(down.error_code(), "irreversible");
    let history = clinic.json(&["history"]).await.ends(0).json();
    assert!(history.get("events").and_then(Value::as_array).unwrap().len() > 20, "{history:#}");
    clinic.run(&["history"]).await.ends(0).says("20250122007  validate_patients");
    clinic.run(&["status"]).await.ends(0).says("9 applied, 1 pending");
    clinic.pass().await;
}

#[tokio::test]
async fn a_baseline_is_recorded_and_nothing_is_run() {
    let clinic = Clinic::new("baseline").await;
    let recorded = clinic.json(&["baseline", ALL[1], "--yes"]).await.ends(0).json();
    assert_eq!(recorded.get("state").unwrap(), "applied", "{recorded:#}");
    let status = clinic.json(&["status"]).await.ends(0).json();
    assert_eq!(status.get("applied").unwrap(), 2, "{status:#}");
    let settings = clinic.fresh.db.collection::<Document>("settings");
    assert_eq!(settings.count_documents(doc! {}).await.unwrap(), 0, "nothing was run");
    assert_eq!(
        clinic.json(&["baseline", "9", "--yes"]).await.ends(64).error_code(),
        "unknown_version"
    );
    clinic.pass().await;
}

#[tokio::test]
async fn labels_are_explained_and_a_misspelt_one_is_seen() {
    let clinic = Clinic::new("labels").await;
    clinic.run(&["status"]).await.ends(0).says(": skipped, asks for demo; selected: none");
    let status = clinic.run(&["status", "--labels", "demoo"]).await.ends(0);
    status
        .says(": skipped, asks for demo; selected: demoo")
        .complains("no migration of this build names the label `demoo` (there are: demo)");
    let known = clinic.run(&["status", "--labels", "demo"]).await.ends(0);
    assert_eq!(known.stderr, "");
    clinic.run(&["status", "--labels", "demo,,"]).await.ends(0).complains("two of its commas");
    let wrong = ran(clinic.command(&["status"]).env("MIGRATE_LABELS", "EU x")).await.ends(64);
    wrong.complains("`EU x` is not").complains("in the environment variable MIGRATE_LABELS");
    let wrong = clinic.run(&["status", "--labels", "EU"]).await.ends(64).complains("`EU` is not");
    assert!(!wrong.stderr.contains("MIGRATE_LABELS"), "{wrong:#?}");
    // A misspelt group is a wrong argument, and not a broken build.
    let group = clinic.run(&["status", "--group", "defualt"]).await.ends(64);
    group.complains("there are: `default`").complains("did you mean `default`?");
    clinic.pass().await;
}

#[tokio::test]
async fn an_edited_migration_is_refused_until_it_is_repaired() {
    let clinic = Clinic::new("drift").await;
    clinic.run(&["up", "--steps", "1"]).await.ends(0);
    let control = clinic.fresh.db.collection::<Document>("migrations");
    let edit = doc! { "$set": { "checksum": "v1:sha256:0000" } };
    control.update_one(doc! { "_id": 20_250_122_001_i64 }, edit).await.unwrap();

    assert_eq!(clinic.json(&["up"]).await.ends(65).error_code(), "checksum_drift");
    let refused = clinic.run(&["up"]).await.ends(65).complains("v1:sha256:0000");
    refused.complains("next: clinic repair --dry-run");
    clinic.run(&["status"]).await.ends(0).says("changed after being applied");
    let dry = clinic.json(&["repair", "--dry-run"]).await.ends(0).json();
    assert_eq!(dry.get("written").unwrap(), false, "{dry:#}");
    clinic.run(&["repair"]).await.ends(64).complains("--yes");
    let repaired = clinic.json(&["repair", "--yes"]).await.ends(0).json();
    assert_eq!(repaired.get("written").unwrap(), true, "{repaired:#}");
    clinic.run(&["up", "--steps", "1"]).await.ends(0).says("1 applied");
    clinic.pass().await;
}

#[tokio::test]
async fn a_failure_is_told_with_what_was_done_before() {
    let clinic = Clinic::new("failure").await;
    let _turn = FAIL_POINT.lock().await;
    clinic.run(&["up", "--steps", "2"]).await.ends(0);
    // No label: a second attempt would not help.
    let data = doc! { "failCommands": ["insert"], "errorCode": 121 };
    let fail = clinic.fresh.fail(doc! { "times": 1 }, data).await;
    let failed = clinic.json(&["up"]).await.ends(1);
    fail.off().await;
    assert_eq!(failed.error_code(), "migration_failed");
    let report = failed.json().pointer("/error/report").cloned().unwrap();
    assert_eq!(steps(&report, "outcome", "failed"), ALL[2..3]);
    assert_eq!(steps(&report, "outcome", "not_run"), ALL[3..]);
    clinic.run(&["status"]).await.ends(0).says("failed");

    let data = doc! { "failCommands": ["insert"], "errorCode": 121 };
    let fail = clinic.fresh.fail(doc! { "times": 1 }, data).await;
    let failed = clinic.run(&["up"]).await.ends(1);
    fail.off().await;
    let failed = failed.says("✗  20250122003  load_countries").says("1 failed, 6 not run");
    failed
        .complains("error: 20250122003")
        .complains("fix it and run `up` again")
        .complains("next: clinic status");

    let resolved = clinic.json(&["resolve", ALL[2], "--as", "applied", "--yes"]).await.ends(0);
    assert_eq!(resolved.json().get("state").unwrap(), "applied");
    let again = clinic.json(&["resolve", ALL[2], "--as", "applied", "--yes"]).await.ends(65);
    assert_eq!(again.error_code(), "wrong_state");
    let again = clinic.json(&["resolve", ALL[2], "--as", "pending", "--yes"]).await.ends(65);
    assert_eq!(again.error_code(), "wrong_state");
    clinic.run(&["resolve", ALL[2], "--as", "undone", "--yes"]).await.ends(0).says("pending");
    clinic.pass().await;
}

#[tokio::test]
async fn who_holds_the_lock_is_told_and_can_be_unlocked() {
    /// Runs until the test ends.
    const HOLDER: Migration = Migration::transactional(1, "hold", |_| {
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(600)).await;
            Ok(())
        })
    });
    let clinic = Clinic::new("lock").await;
    let holder = clinic.fresh.again().await;
    let holding = tokio::spawn(async move { holder.migrator([HOLDER]).app("holder 1").up().await });
    let fence = loop {
        let lock = clinic.json(&["lock-status"]).await.ends(0).json();
        if lock.get("held").unwrap() == true {
            break lock.get("fence").unwrap().to_string();
        }
    };
    clinic.run(&["lock-status"]).await.ends(0).says("(holder 1)");
    clinic.run(&["status"]).await.ends(0).says("locked by");
    let busy = clinic.run(&["up", "--wait", "no"]).await.ends(75).complains("holder 1");
    busy.complains("next: clinic lock-status");
    let busy = clinic.json(&["up", "--wait", "100ms"]).await.ends(75);
    assert_eq!(busy.error_code(), "lock_held");

    // A signal ends the waiting.
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let waiting = Signalled::start(&clinic, &["up", "-v"], "waiting for the lock").await;
        waiting.signal(signal);
        let cancelled = waiting.ended().await.ends(code);
        cancelled.complains("cancelling…").complains("error: cancelled before the run began");
    }

    clinic.run(&["force-unlock", &fence]).await.ends(64).complains("--confirm");
    let moved = clinic.json(&["force-unlock", "99", "--confirm"]).await.ends(65);
    assert_eq!(moved.error_code(), "fence_mismatch");
    let taken = clinic.json(&["force-unlock", &fence, "--confirm"]).await.ends(0).json();
    assert_eq!(taken.get("was_live").unwrap(), true, "{taken:#}");
    holding.abort();
    clinic.pass().await;
}

#[tokio::test]
async fn create_writes_the_next_file_and_its_mod_line() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("migrations");
    let dir_text = dir.to_str().unwrap();
    let args = ["create", "add user index", "--dir", dir_text];
    ran(&mut command(&args)).await.ends(64).complains("mkdir -p");

    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("mod.rs"), "mod m20250122001_first;\n").unwrap();
    std::fs::write(dir.join("m20250122001_first.rs"), "").unwrap();
    let created = ran(command(&args).args(["--json", "--kind", "online", "--reversible"])).await;
    let created = created.ends(0).json();
    let version = created.get("version").unwrap().to_string();
    assert_eq!(version.len(), 11, "{created:#}");
    assert_eq!(text(&created, "mod_line"), format!("mod m{version}_add_user_index;"));
    let written = std::fs::read_to_string(text(&created, "path")).unwrap();
    assert!(written.contains(&format!("version = {version}, reversible")), "{written}");
    assert!(written.contains("async fn add_user_index(on: &mut Online<'_>)"), "{written}");
    let modules = std::fs::read_to_string(dir.join("mod.rs")).unwrap();
    assert_eq!(modules, format!("mod m20250122001_first;\nmod m{version}_add_user_index;\n"));

    ran(&mut command(&args))
        .await
        .ends(64)
        .complains("the name `add_user_index` is already taken by");
    let other = ["create", "AnotherOne", "--dir", dir_text];
    ran(&mut command(&other)).await.ends(0).says("✓ wrote ").says("_another_one;");
    let modules = std::fs::read_to_string(dir.join("mod.rs")).unwrap();
    assert_eq!(modules.lines().count(), 3, "{modules}");
    for name in ["../x", "a/b", "a\\b", "x..y", "", " ", "a\nb", "日本", &"a".repeat(300)] {
        let refused = ran(&mut command(&["create", name, "--dir", dir_text, "--json"])).await;
        assert_eq!(refused.ends(64).error_code(), "bad_name", "{name:?}");
    }
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 4);
}

#[tokio::test]
async fn a_dry_run_shows_each_command_and_leaves_nothing() {
    let clinic = Clinic::new("dry_run").await;
    let dry = clinic.run(&["up", "--dry-run"]).await.ends(0);
    let dry = dry.says("✓ 20250122003 load_countries").says("insert  countries  249 inserted");
    let dry = dry.says("- 20250122002 add_sample_index · online: not run in a transaction");
    let dry = dry.says("create index `by_name` on `patients`").says("nothing was written");
    dry.says("3 tried, 6 not run in a transaction");
    let json = clinic.json(&["up", "--dry-run=run", "--timeout", "20s"]).await.ends(0).json();
    assert_eq!(steps(&json, "outcome", "ran").len(), 3);
    assert_eq!(json.pointer("/steps/2/commands/0/inserted").unwrap(), 249);
    assert_eq!(json.get("observed").unwrap(), true);
    let plan = clinic.run(&["up", "--dry-run=plan"]).await.ends(0);
    plan.says("9 to apply");
    assert_eq!(clinic.fresh.db.list_collection_names().await.unwrap(), Vec::<String>::new());

    // Everything else that the options say.
    for wrong in [
        &["up", "--sample", "3"][..],
        &["up", "--timeout", "3s"],
        &["up", "--dry-run=plan", "--shadow"],
        &["up", "--dry-run=maybe"],
        &["up", "--allow", "everything"],
        &["up", "--atomic", "--continue-on-error"],
    ] {
        clinic.run(wrong).await.ends(64);
    }
    let apart = clinic.run(&["up", "--atomic"]).await.ends(65);
    apart.complains("`up --atomic --to 20250122001`, then `up --to 20250122002`");
    clinic.run(&["up", "--atomic", "--to", ALL[0]]).await.ends(0).says("1 applied");

    // Once there are documents, the rename among the last is worth a word.
    clinic.run(&["up", "--to", ALL[6]]).await.ends(0);
    let strict = &["check", "--strict", "--allow-pending"];
    clinic.run(strict).await.ends(65).complains("rename_breaks_running_app");
    let allow = ["--allow", "rename_breaks_running_app"];
    clinic.run(&[&strict[..], &allow].concat()).await.ends(0).says("7 applied, 2 pending");
    clinic.run(&["check", "--strict", allow[0], allow[1]]).await.ends(3);
    let plan = clinic.json(&["plan"]).await.ends(0).json();
    assert_eq!(plan.pointer("/lints/0/name").unwrap(), "rename_breaks_running_app");
    assert!(clinic.json(&["plan", "--no-lint"]).await.ends(0).json().get("lints").is_none());
    // In full in a plan; a line for each before a run.
    let plan = clinic.run(&["plan"]).await.ends(0);
    let plan = plan.says("warning: rename_breaks_running_app\n  20250122008 one_name_each: ");
    plan.says("+ change.remove_field(\"visits\", \"reason\");");
    let up = clinic.run(&["up"]).await.ends(0);
    assert_eq!(up.stderr.lines().count(), 2, "{up:#?}");
    up.complains("warning: rename_breaks_running_app: 20250122008 one_name_each: ")
        .complains("`clinic plan` shows the lints in full");
    clinic.run(&["down", "--dry-run"]).await.ends(0).says("not run in a transaction");
    clinic.pass().await;
}
