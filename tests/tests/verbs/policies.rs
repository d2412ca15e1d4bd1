//! Policies: what they refuse, for whom and when, and that they cost nothing where there are none.

use std::time::Duration;

use chrono::{Datelike as _, Utc};
use mongrate::{
    DoctorCheck, DoctorVerdict, Error, HoldReason, LintName, Migration, Policies, PolicyRefusal,
    Resolution, Version,
    bson::{Document, doc},
};
use mongrate_tests::{TestDb, effect, effects::present};

use super::FIVE;

fn refusals(error: &Error) -> &[PolicyRefusal] {
    match error {
        Error::Policy(refusals) => refusals,
        other => panic!("{other}"),
    }
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The day of the week so many days after today, by UTC.
fn day(after: u32) -> &'static str {
    let today = Utc::now().weekday().num_days_from_monday();
    DAYS[usize::try_from((today + after) % 7).unwrap()]
}

/// Declares an index over a field that is unique in no document.
fn duplicates(version: i64) -> Migration {
    Migration::declared(version, "by_email", |change| {
        change.create_index("users", doc! { "email": 1 }).unique(true);
    })
}

async fn seed(fresh: &TestDb, collection: &str, count: i32) {
    let all: Vec<Document> = (0..count).map(|id| doc! { "_id": id, "email": "same" }).collect();
    fresh.db.collection::<Document>(collection).insert_many(all).await.unwrap();
}

/// Whether the lock is free and nothing is applied.
async fn is_untouched(fresh: &TestDb) {
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    assert!(!fresh.migrator(FIVE).lock_status().await.unwrap().held);
}

#[tokio::test]
async fn a_denied_lint_stops_the_run_and_the_check_whatever_is_allowed_for_the_call() {
    let fresh = TestDb::new("policy_deny").await;
    seed(&fresh, "users", 3).await;
    let lint = LintName::UniqueIndexOverDuplicates;
    let migrator = fresh
        .migrator([effect!(1), duplicates(2)])
        .allow(lint)
        .policies(Policies::new().deny(lint));
    for error in [migrator.up().await.unwrap_err(), migrator.check().await.unwrap_err()] {
        let [refusal] = refusals(&error) else { panic!("{error}") };
        assert_eq!(refusal.rule, "deny = \"unique_index_over_duplicates\"");
        assert_eq!(refusal.place, "Migrator::policies");
        assert!(error.to_string().ends_with("what is refused was not begun"), "{error}");
        assert_eq!((error.code(), error.kind().exit_code()), ("policy", 65));
    }
    // `doctor` says so before a run does, and what holds otherwise.
    let doctor = migrator.doctor().await.unwrap();
    let found = doctor.findings.iter().find(|found| found.check == DoctorCheck::Policies).unwrap();
    assert!(found.found.contains("deny = \"unique_index_over_duplicates\""), "{found:?}");
    assert_eq!(found.verdict, DoctorVerdict::Error, "{found:?}");
    is_untouched(&fresh).await;
    // What has no such lint runs.
    migrator.up().to(1).await.unwrap();
    let other = fresh.migrator([effect!(1), effect!(2)]);
    other.policies(Policies::new().deny_all()).up().await.unwrap();
    fresh.pass().await;
}

#[tokio::test]
async fn nothing_begins_in_closed_hours_and_the_refusal_says_until_when() {
    let fresh = TestDb::new("policy_hours").await;
    let closed = Policies::new().no_runs(day(0)).no_runs(day(1)).exempt("another");
    let migrator = fresh.migrator(FIVE).policies(closed);
    let error = migrator.up().await.unwrap_err();
    let text = error.to_string();
    let open = Utc::now() + chrono::TimeDelta::days(2);
    assert!(text.contains(&open.format("wait until %a %Y-%m-%d 00:00 UTC").to_string()), "{text}");
    assert!(text.contains("--not-before"), "{text}");
    is_untouched(&fresh).await;
    // Reading, planning and trying is no run, and nothing pending is nothing to refuse.
    migrator.plan().await.unwrap();
    assert!(migrator.up().dry_run().await.unwrap().is_ok());
    fresh.migrator(FIVE).up().await.unwrap();
    fresh.wire.take();
    assert!(migrator.up().await.unwrap().is_empty());
    assert_eq!(fresh.wire.take(), ["find"]);
    let error = migrator.down().await.unwrap_err();
    assert_eq!(refusals(&error).len(), 1, "of the window that is open");
    // Another day, and hours that a database is exempt from.
    let open = Policies::new().no_runs(&format!("{} 00:00-24:00", day(3)));
    fresh.migrator(FIVE).policies(open).down().await.unwrap();
    let exempt = Policies::new().no_runs("mon-sun").exempt("t_*");
    fresh.migrator(FIVE).policies(exempt).down().await.unwrap();
    let never = fresh.migrator(FIVE).policies(Policies::new().no_runs("mon-sun"));
    let error = never.down().await.unwrap_err().to_string();
    assert!(error.contains("these hours never end"), "{error}");
    fresh.pass().await;
}

#[tokio::test]
async fn a_run_that_is_overtaken_by_closed_hours_waits_between_migrations() {
    let fresh = TestDb::new("policy_overtaken").await;
    // From the next minute on: the run begins before.
    let now = Utc::now();
    let left = 60 - i64::from(chrono::Timelike::second(&now));
    if left < 8 {
        tokio::time::sleep(Duration::from_secs(u64::try_from(left).unwrap() + 1)).await;
    }
    let at = Utc::now() + chrono::TimeDelta::minutes(1);
    let until = at + chrono::TimeDelta::hours(3);
    let hours = format!("{}-{}", at.format("%H:%M"), until.format("%H:%M"));
    let slow = Migration::transactional(1, "slow", |_| {
        Box::pin(async {
            let now = Utc::now();
            let left = 61 - i64::from(chrono::Timelike::second(&now));
            tokio::time::sleep(Duration::from_secs(u64::try_from(left).unwrap())).await;
            Ok(())
        })
    });
    let migrator = fresh
        .migrator([slow, effect!(2)])
        .lease(Duration::from_secs(3))
        .policies(Policies::new().no_runs(&hours));
    let running = tokio::spawn({
        let migrator = migrator.clone();
        async move { migrator.up().await }
    });
    loop {
        assert!(!running.is_finished(), "{:?}", running.await);
        let lock = migrator.lock_status().await.unwrap();
        let hold = lock.position.and_then(|position| position.hold);
        if let Some(hold) = hold {
            assert_eq!(hold.reason, HoldReason::Hours, "{hold:?}");
            assert!(hold.text.contains("by policy, nothing runs until"), "{hold:?}");
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // What it waits before is not applied; an operator may end it.
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    migrator.cancel_run().await.unwrap();
    let ended = running.await.unwrap().unwrap_err();
    assert!(matches!(ended, Error::Cancelled { .. }), "{ended}");
    assert_eq!(ended.report().unwrap().done().count(), 1);
    fresh.pass().await;
}

/// A pause that ends in closed hours does not open them.
#[tokio::test]
async fn a_run_that_is_resumed_in_closed_hours_waits_for_their_end() {
    let fresh = TestDb::new("policy_resumed").await;
    let now = Utc::now();
    let left = 60 - i64::from(chrono::Timelike::second(&now));
    if left < 15 {
        tokio::time::sleep(Duration::from_secs(u64::try_from(left).unwrap() + 1)).await;
    }
    let at = Utc::now() + chrono::TimeDelta::minutes(1);
    let until = at + chrono::TimeDelta::hours(3);
    let hours = format!("{}-{}", at.format("%H:%M"), until.format("%H:%M"));
    let gated = Migration::online_steps(1, "gated", |on| {
        Box::pin(async move {
            let gate = on.database().collection::<Document>("gate");
            while gate.find_one(doc! {}).await?.is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        })
    });
    let migrator = fresh
        .migrator([gated, effect!(2)])
        .lease(Duration::from_secs(3))
        .policies(Policies::new().no_runs(&hours));
    let running = tokio::spawn({
        let migrator = migrator.clone();
        async move { migrator.up().await }
    });
    let held_by = async |reason| {
        loop {
            let lock = migrator.lock_status().await.unwrap();
            let hold = lock.position.and_then(|position| position.hold);
            if hold.is_some_and(|hold| hold.reason == reason) {
                return;
            }
            assert!(!running.is_finished());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    while !migrator.lock_status().await.unwrap().held {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    migrator.pause().await.unwrap();
    // Known to the run with its next heartbeat; then its first migration ends.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    fresh.db.collection::<Document>("gate").insert_one(doc! {}).await.unwrap();
    held_by(HoldReason::Paused).await;
    let left = 61 - i64::from(chrono::Timelike::second(&Utc::now()));
    tokio::time::sleep(Duration::from_secs(u64::try_from(left).unwrap())).await;
    migrator.resume().await.unwrap();
    held_by(HoldReason::Hours).await;
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    migrator.cancel_run().await.unwrap();
    let ended = running.await.unwrap().unwrap_err();
    assert!(matches!(ended, Error::Cancelled { .. }), "{ended}");
    fresh.pass().await;
}

#[tokio::test]
async fn what_steers_marks_and_audits_can_be_limited_too() {
    let fresh = TestDb::new("policy_more").await;
    fresh.migrator(FIVE).up().to(3).await.unwrap();
    let of = |verb: &str| fresh.migrator(FIVE).policies(Policies::new().only(verb, ["cli"]));
    let refused = |what: &str, error: Error| {
        assert!(matches!(error, Error::Policy(_)), "{what}: {error}");
        let text = error.to_string();
        assert!(text.contains(&format!("may not use {what}")), "{what}: {text}");
    };
    let soon = Utc::now();
    refused("audit", of("audit").enable_audit().await.unwrap_err());
    refused("audit", of("audit").disable_audit().await.unwrap_err());
    refused("audit", of("audit").prune_audit(soon).await.unwrap_err());
    of("audit").prune_audit(soon).preview().await.unwrap();
    of("audit").verify_audit().await.unwrap();
    refused("tag", of("tag").tag("v1").await.unwrap_err());
    refused("tag", of("tag").remove_tag("v1").await.unwrap_err());
    of("tag").tags().await.unwrap();
    refused("pause", of("pause").pause().await.unwrap_err());
    refused("resume", of("resume").resume().await.unwrap_err());
    refused("cancel", of("cancel").cancel_run().await.unwrap_err());
    let tuning = mongrate::Tuning::new().workers(2);
    refused("tune", of("tune").tune(tuning).await.unwrap_err());
    assert!(migrator_is_as_it_was(&fresh).await);
    // `redo` rolls back and applies: both have to be allowed.
    refused("up", of("up").redo().await.unwrap_err());
    refused("down", of("down").redo().await.unwrap_err());
    assert_eq!(present(&fresh.db).await, [1, 2, 3]);
    of("baseline").redo().await.unwrap();
    fresh.pass().await;
}

async fn migrator_is_as_it_was(fresh: &TestDb) -> bool {
    let lock = fresh.migrator(FIVE).lock_status().await.unwrap();
    lock.paused.is_none() && lock.tuned.is_none()
}

#[tokio::test]
async fn only_those_who_may_use_a_verb() {
    let fresh = TestDb::new("policy_only").await;
    fresh.migrator(FIVE).up().await.unwrap();
    let of = |policies| fresh.migrator(FIVE).app("shop 1.3.9").policies(policies);
    let nobody = of(Policies::new().only("down", []).only("purge", []).only("resolve", ["cli"]));
    for error in [nobody.down().await.unwrap_err(), nobody.redo().await.unwrap_err()] {
        let text = error.to_string();
        assert!(text.contains("code of the app of `shop 1.3.9` may not use down"), "{text}");
        assert!(text.contains("(Migrator::policies: only.down = [])"), "{text}");
    }
    assert!(matches!(nobody.purge().await, Err(Error::Policy(_))));
    nobody.purge().preview().await.unwrap();
    let resolve = nobody.resolve(Version::from(5), Resolution::Undone).await.unwrap_err();
    assert!(resolve.to_string().contains("ask one of those who may: `cli`"), "{resolve}");
    assert!(matches!(
        of(Policies::new().only("force_unlock", [])).force_unlock(1).await,
        Err(Error::Policy(_))
    ));
    assert!(matches!(
        of(Policies::new().only("baseline", [])).baseline(Version::from(5)).await,
        Err(Error::Policy(_))
    ));
    assert!(matches!(of(Policies::new().only("repair", [])).repair().await, Err(Error::Policy(_))));
    // One rule of each source has to let it pass, and each caller is a way.
    of(Policies::new().only("down", ["cli", "app:shop"])).down().await.unwrap();
    of(Policies::new().only("down", ["library"])).down().await.unwrap();
    let both = Policies::new().only("down", ["library"]).only("down", ["app:billing"]);
    assert_eq!(refusals(&of(both).down().await.unwrap_err()).len(), 1);
    assert_eq!(present(&fresh.db).await, [1, 2, 3]);
    fresh.pass().await;
}

#[tokio::test]
async fn a_mongodb_user_is_asked_of_the_server() {
    let fresh = TestDb::new("policy_user").await;
    fresh.migrator(FIVE).up().await.unwrap();
    let policies = || Policies::new().only("down", ["mongodb:sre"]);
    // Without a user: nobody. The server is asked once.
    fresh.wire.take();
    let error = fresh.migrator(FIVE).policies(policies()).down().await.unwrap_err();
    assert_eq!(refusals(&error).len(), 1);
    let sent = fresh.wire.take();
    assert_eq!(sent.iter().filter(|name| *name == "connectionStatus").count(), 1, "{sent:?}");
    for user in ["sre", "dev", "sre@admin"] {
        let create = doc! { "createUser": user, "pwd": "x", "roles": ["dbOwner"] };
        fresh.db.run_command(create).await.unwrap();
    }
    let uri = |user: &str| {
        let (scheme, rest) = fresh.uri.split_once("://").unwrap();
        let (hosts, options) = rest.split_once('/').unwrap_or((rest, ""));
        let options = options.split_once('?').map(|(_, options)| format!("&{options}"));
        let name = fresh.db.name();
        format!("{scheme}://{user}:x@{hosts}/?authSource={name}{}", options.unwrap_or_default())
    };
    // A name that looks like a user of another database is a name.
    let posed = || Policies::new().only("down", ["mongodb:sre@admin"]);
    let exact = || {
        let rule = format!("mongodb:sre@{}", fresh.db.name());
        Policies::new().only("down", [rule.as_str()])
    };
    let mail = || {
        let rule = format!("mongodb:sre@admin@{}", fresh.db.name());
        Policies::new().only("down", [rule.as_str()])
    };
    for (user, policies, may) in [
        ("dev", policies(), false),
        ("sre", policies(), true),
        ("sre%40admin", posed(), false),
        ("sre", posed(), false),
        ("dev", exact(), false),
        ("sre", exact(), true),
        ("sre%40admin", mail(), true),
    ] {
        let client = mongrate::mongodb::Client::with_uri_str(uri(user)).await.unwrap();
        let db = client.database(fresh.db.name());
        let down = mongrate::Migrator::with(&db, FIVE).policies(policies).down().await;
        assert_eq!(down.is_ok(), may, "{user}: {down:?}");
        if let Err(error) = down {
            assert!(error.to_string().contains("as `mongodb:"), "{error}");
        }
    }
    fresh.db.run_command(doc! { "dropAllUsersFromDatabase": 1 }).await.unwrap();
    fresh.pass().await;
}

/// A backfill in code: its size is known once it runs.
fn walk(version: i64) -> Migration {
    Migration::online_steps(version, "walk", |on| {
        Box::pin(async move {
            let walk = on.backfill("walk", "things");
            walk.update_each(|_: Document| Ok(Some(doc! { "$set": { "n": 1 } }))).await.map(drop)
        })
    })
}

fn declared(version: i64) -> Migration {
    Migration::declared(version, "rename", |change| change.rename_field("things", "email", "mail"))
}

#[tokio::test]
async fn a_large_backfill_needs_a_plan_whether_it_is_declared_or_code() {
    let fresh = TestDb::new("policy_backfill").await;
    seed(&fresh, "things", 30).await;
    let policies = |most| Policies::new().max_backfill_without_plan(most);
    let limited = |list, most| fresh.migrator(list).policies(policies(most));
    // A declared one is known before anything runs.
    let error = limited(vec![effect!(1), declared(2)], 29).up().await.unwrap_err();
    let [refusal] = refusals(&error) else { panic!("{error}") };
    assert!(refusal.problem.contains("would change 30 documents"), "{refusal}");
    assert!(refusal.way_out.contains("plan --out FILE"), "{refusal}");
    is_untouched(&fresh).await;
    // Code is stopped as soon as its size is known, before its first batch.
    let error = limited(vec![effect!(1), walk(2)], 29).up().await.unwrap_err();
    let Error::Failed { source, .. } = &error else { panic!("{error}") };
    let source = source.downcast_ref::<Error>().unwrap_or_else(|| panic!("{source:?}"));
    assert!(refusals(source)[0].problem.contains("about 30 documents"), "{source}");
    assert_eq!(error.kind().exit_code(), 65);
    assert_eq!(present(&fresh.db).await, [1]);
    let things = fresh.db.collection::<Document>("things");
    assert_eq!(things.count_documents(doc! { "n": 1 }).await.unwrap(), 0);
    // At the limit, and with a plan.
    limited(vec![effect!(1), walk(2)], 30).up().await.unwrap();
    let migrator = limited(vec![effect!(1), walk(2), declared(3)], 1);
    let plan = migrator.up().plan_file().await.unwrap();
    migrator.up().approved(&plan).await.unwrap();
    fresh.pass().await;
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_stops_every_verb_before_a_connection() {
    let fresh = TestDb::new("policy_wrong").await;
    let migrator = fresh.migrator(FIVE).policies(Policies::new().no_runs("9-to-5"));
    fresh.wire.take();
    let error = migrator.up().await.unwrap_err();
    assert!(matches!(error, Error::Settings { setting: "policies", .. }), "{error}");
    assert!(fresh.wire.take().is_empty());
    fresh.pass().await;
}

#[tokio::test]
async fn the_status_lists_the_policies_that_hold() {
    let fresh = TestDb::new("policy_status").await;
    let policies = Policies::new().deny_all().only("purge", []).plan_required();
    let status = fresh.migrator(FIVE).policies(policies).status().await.unwrap();
    let rules: Vec<&str> = status.policies.iter().map(|policy| policy.rule.as_str()).collect();
    assert_eq!(rules, ["deny = \"all\"", "only.purge = []", "plan_required = true"]);
    assert!(fresh.migrator(FIVE).status().await.unwrap().policies.is_empty());
    fresh.pass().await;
}
