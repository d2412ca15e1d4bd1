//! A history that a newer build has written: every verb is refused, and changes nothing.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use chrono::Utc;
use mongrate::{
    Error, Migrator, PlanFile, Resolution, StartPolicy, Tool, Tuning, Wait,
    bson::{Document, doc},
    mongodb::options::WriteConcern,
};
use mongrate_tests::{TestDb, whole};

use super::FIVE;

/// Verbs that read no history: what they say does not depend on its format.
const OF_NO_HISTORY: [&str; 7] =
    ["database", "migrations", "schema", "schema_at", "drift", "doctor", "flush_listeners"];

type Refused = Vec<(&'static str, Result<(), Error>)>;

/// Every verb, by the name of its method.
async fn all(migrator: &Migrator, plans: &[PlanFile; 2]) -> Refused {
    let mut all: Refused = Vec::new();
    macro_rules! verbs {
        ($($name:literal: $($call:expr),+;)*) => {$($(
            all.push(($name, $call.await.map(drop)));
        )+)*};
    }
    let [up, down] = plans;
    verbs! {
        "up": migrator.up(), migrator.up().to(5), migrator.up().steps(1), migrator.up().atomic(true),
            migrator.up().plan(), migrator.up().plan_file(), migrator.up().approved(up),
            migrator.up().dry_run(), migrator.up().shadow();
        "down": migrator.down(), migrator.down().all(), migrator.down().only(1),
            migrator.down().to_tag("then"), migrator.down().plan(), migrator.down().plan_file(),
            migrator.down().approved(down), migrator.down().dry_run(), migrator.down().shadow();
        "redo": migrator.redo(), migrator.redo().only(3);
        "on_start": migrator.on_start().policy(StartPolicy::Migrate),
            migrator.on_start().policy(StartPolicy::Check),
            migrator.on_start().policy(StartPolicy::Warn);
        "plan": migrator.plan();
        "status": migrator.status();
        "detail": migrator.detail("1");
        "history": migrator.history(), migrator.history().release("shop");
        "runs": migrator.runs();
        "check": migrator.check();
        "wait_until_current": migrator.wait_until_current().timeout(Duration::from_secs(30));
        "baseline": migrator.baseline(5);
        "resolve": migrator.resolve(3, Resolution::Applied), migrator.resolve(3, Resolution::Pending);
        "repair": migrator.repair(), migrator.repair().preview();
        "force_unlock": migrator.force_unlock(1);
        "lock_status": migrator.lock_status();
        "pause": migrator.pause();
        "resume": migrator.resume();
        "tune": migrator.tune(Tuning::new().per_second(10));
        "cancel_run": migrator.cancel_run();
        "tag": migrator.tag("now"), migrator.tag("then").moving(true);
        "remove_tag": migrator.remove_tag("then");
        "tags": migrator.tags();
        "purge": migrator.purge(), migrator.purge().preview();
        "import": migrator.import(Tool::MigrateMongo), migrator.import(Tool::MigrateMongo).preview();
        "audit": migrator.audit();
        "audit_head": migrator.audit_head();
        "verify_audit": migrator.verify_audit();
        "export_audit": migrator.export_audit(|_| Ok(()));
        "enable_audit": migrator.enable_audit();
        "disable_audit": migrator.disable_audit();
        "prune_audit": migrator.prune_audit(Utc::now()), migrator.prune_audit(Utc::now()).preview();
    }
    all
}

/// The public methods of `Migrator` that are no settings.
fn methods() -> BTreeSet<String> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/src/migrator");
    let mut found = BTreeSet::new();
    for file in fs::read_dir(place).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for block in text.split("\nimpl Migrator {\n").skip(1) {
            let block = block.split("\n}\n").next().unwrap();
            for method in block.split("\n    pub ").skip(1) {
                let (head, arguments) = method.split_once('(').unwrap();
                let Some((_, name)) = head.split_once("fn ") else { continue };
                if arguments.trim_start().starts_with("&self") {
                    found.insert(name.split('<').next().unwrap().to_owned());
                }
            }
        }
    }
    found
}

#[tokio::test]
async fn every_verb_is_refused_and_changes_nothing() {
    let fresh = TestDb::new("verbs_newer_format").await;
    let migrator = fresh.migrator(FIVE).wait(Wait::No).keep_audit_log(true);
    migrator.up().to(3).await.unwrap();
    migrator.tag("then").await.unwrap();
    let plans =
        [migrator.up().plan_file().await.unwrap(), migrator.down().plan_file().await.unwrap()];
    let majority = WriteConcern::majority();
    let entry = doc! { "fileName": "4-leave_4.js", "appliedAt": mongrate::bson::DateTime::now() };
    let changelog = fresh.db.collection::<Document>("changelog");
    changelog.insert_one(entry).write_concern(majority.clone()).await.unwrap();
    let control = fresh.db.collection::<Document>("migrations");
    let set = async |id: &str, fields: Document| {
        let update = control.update_one(doc! { "_id": id }, doc! { "$set": fields });
        let updated = update.write_concern(majority.clone()).await.unwrap();
        assert_eq!(updated.matched_count, 1, "{id}");
    };
    set("fence", doc! { "format": 2 }).await;
    let before = whole::of(&fresh.db).await;
    let mut asked = BTreeSet::new();
    for (at, (verb, refused)) in all(&migrator, &plans).await.into_iter().enumerate() {
        let error = refused.expect_err(&format!("{verb}, call {at}"));
        assert!(
            matches!(error, Error::NewerFormat { found: 2, known: 1 }),
            "{verb}, call {at}: {error}"
        );
        assert_eq!((error.code(), error.kind().exit_code()), ("newer_format", 65), "{verb}");
        asked.insert(verb.to_owned());
    }
    assert_eq!(whole::of(&fresh.db).await, before, "nothing was written");
    asked.extend(OF_NO_HISTORY.map(str::to_owned));
    assert_eq!(asked, methods(), "each verb is asked here");
    fresh.pass().await;
}
