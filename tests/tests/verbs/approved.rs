//! Approved plans: exactly that is run, or nothing.

use mongrate::{
    Error, Migration, PlanFile, Policies, Version,
    bson::{Document, doc},
};
use mongrate_tests::{
    TestDb, effect,
    effects::{assert_exactly_once, present, versions},
};

use super::{FIVE, failing};

/// What differs, as one text.
fn differences(error: &Error) -> String {
    match error {
        Error::PlanDiffers { differences, .. } => differences.join("\n"),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn exactly_the_plan_is_run_and_the_history_names_it() {
    let fresh = TestDb::new("plan_exactly").await;
    let migrator = fresh.migrator(FIVE).policies(Policies::new().plan_required());
    let error = migrator.up().await.unwrap_err();
    assert!(matches!(&error, Error::Policy(_)), "{error}");
    let plan = migrator.up().to(3).plan_file().await.unwrap();
    let read = PlanFile::parse(&plan.to_json()).unwrap();
    assert_eq!(read, plan);
    let report = migrator.up().approved(&read).await.unwrap();
    assert_eq!(report.versions(), versions([1, 2, 3]));
    assert_exactly_once(&fresh.db, 1..=3).await;
    let history = migrator.history().await.unwrap();
    assert!(history.events.iter().all(|event| event.plan.as_ref() == Some(&plan.digest)));
    // Once more: it is done, and nothing else is run.
    assert!(migrator.up().approved(&read).await.unwrap().is_empty());
    assert_eq!(present(&fresh.db).await, [1, 2, 3]);
    // And after later runs it is no longer the state that it saw.
    let rest = migrator.up().plan_file().await.unwrap();
    migrator.up().approved(&rest).await.unwrap();
    let text = differences(&migrator.up().approved(&read).await.unwrap_err());
    assert!(text.contains("was applied since the plan was made"), "{text}");
    assert_exactly_once(&fresh.db, 1..=5).await;
    fresh.pass().await;
}

#[tokio::test]
async fn what_is_not_as_planned_is_refused_and_nothing_is_run() {
    let fresh = TestDb::new("plan_differs").await;
    let two = || [effect!(1), effect!(2)];
    let plan = fresh.migrator(two()).up().plan_file().await.unwrap();
    let refused = async |list: Vec<Migration>, what: &str| {
        let error = fresh.migrator(list).up().approved(&plan).await.unwrap_err();
        let text = differences(&error);
        assert!(text.contains(what), "{what}: {text}");
        assert_eq!((error.code(), error.kind().exit_code()), ("plan_differs", 65));
        assert!(!fresh.migrator(two()).lock_status().await.unwrap().held);
    };
    refused(vec![effect!(1), effect!(2), effect!(3)], "is not in the plan").await;
    refused(vec![effect!(1)], "would not be applied now").await;
    refused(vec![effect!(1).with_checksum("edited"), effect!(2)], "another body").await;
    refused(vec![effect!(1), effect!(3)], "where the plan has").await;
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    // Somebody else applies the first of them, without the plan.
    fresh.migrator(two()).up().steps(1).await.unwrap();
    refused(two().to_vec(), "was applied since the plan was made by").await;
    // All of it: it is applied, and not by the plan.
    fresh.migrator(two()).up().await.unwrap();
    refused(two().to_vec(), "was applied since the plan was made").await;
    fresh.migrator(two()).down().all().await.unwrap();
    // As the plan saw it again.
    fresh.migrator(two()).up().approved(&plan).await.unwrap();
    // Another group, another database, and the other direction.
    let office = two().map(|one| one.in_group("office"));
    let error = fresh.migrator(office).group("office").up().approved(&plan).await.unwrap_err();
    assert!(differences(&error).contains("it is for the group `default`"), "{error}");
    let other = TestDb::new("plan_elsewhere").await;
    let error = other.migrator(two()).up().approved(&plan).await.unwrap_err();
    assert!(differences(&error).contains("it is for the database"), "{error}");
    let error = fresh.migrator(two()).down().approved(&plan).await.unwrap_err();
    assert!(differences(&error).contains("it is for the direction `up`"), "{error}");
    other.pass().await;
    fresh.pass().await;
}

#[tokio::test]
async fn a_plan_that_stopped_half_way_is_resumed_by_the_same_plan_alone() {
    let fresh = TestDb::new("plan_half_way").await;
    let broken = [effect!(1), failing(2, "second"), effect!(3)];
    let mended = [effect!(1), effect!(2), effect!(3)];
    let plan = fresh.migrator(broken).up().plan_file().await.unwrap();
    let error = fresh.migrator(broken).up().approved(&plan).await.unwrap_err();
    assert!(matches!(error, Error::Failed { .. }), "{error}");
    assert_eq!(present(&fresh.db).await, [1]);
    // A body that was mended is another one.
    let error = fresh.migrator(mended).up().approved(&plan).await.unwrap_err();
    differences(&error);
    let again = fresh.migrator(mended).up().plan_file().await.unwrap();
    assert_eq!(again.steps.len(), 2);
    fresh.migrator(mended).up().approved(&again).await.unwrap();
    assert_exactly_once(&fresh.db, 1..=3).await;
    fresh.pass().await;
}

/// An online migration that ends after its first step as long as `stop` is in the collection.
fn stops(version: i64) -> Migration {
    Migration::online_steps(version, "stops", |on| {
        Box::pin(async move {
            on.transaction("first", async |tx| {
                let mut log = tx.collection::<Document>("log");
                log.insert_one(doc! { "step": "first" }).await?;
                Ok(())
            })
            .await?;
            let stop = on.database().collection::<Document>("stop").find_one(doc! {}).await?;
            if stop.is_some() { Err("it is told to stop".into()) } else { Ok(()) }
        })
    })
    .reversible_online_by(|on| {
        Box::pin(async move {
            on.transaction("undo", async |tx| {
                tx.collection::<Document>("log").delete_many(doc! {}).await?;
                Ok(())
            })
            .await?;
            let stop = on.database().collection::<Document>("stop").find_one(doc! {}).await?;
            if stop.is_some() { Err("it is told to stop".into()) } else { Ok(()) }
        })
    })
}

#[tokio::test]
async fn what_is_half_done_resumes_if_the_plan_began_it() {
    let fresh = TestDb::new("plan_online").await;
    let list = || [effect!(1), stops(2), effect!(3)];
    let migrator = fresh.migrator(list());
    let stop = fresh.db.collection::<Document>("stop");
    stop.insert_one(doc! { "_id": 1 }).await.unwrap();
    let plan = migrator.up().plan_file().await.unwrap();
    for _ in 0..2 {
        migrator.up().approved(&plan).await.unwrap_err();
    }
    stop.delete_many(doc! {}).await.unwrap();
    assert_eq!(migrator.up().approved(&plan).await.unwrap().versions(), versions([2, 3]));
    let log = fresh.db.collection::<Document>("log");
    assert_eq!(log.count_documents(doc! {}).await.unwrap(), 1, "its step ran once");

    // The same way back, with a plan of the rollback.
    stop.insert_one(doc! { "_id": 1 }).await.unwrap();
    let back = migrator.down().to(1).plan_file().await.unwrap();
    migrator.down().approved(&back).await.unwrap_err();
    let error = migrator.up().approved(&plan).await.unwrap_err();
    differences(&error);
    stop.delete_many(doc! {}).await.unwrap();
    assert_eq!(migrator.down().approved(&back).await.unwrap().versions(), versions([2]));
    assert_eq!(present(&fresh.db).await, [1]);
    assert!(migrator.down().approved(&back).await.unwrap().is_empty());

    // What somebody else has begun is not the plan's.
    stop.insert_one(doc! { "_id": 1 }).await.unwrap();
    let plan = migrator.up().plan_file().await.unwrap();
    migrator.up().await.unwrap_err();
    stop.delete_many(doc! {}).await.unwrap();
    let text = differences(&migrator.up().approved(&plan).await.unwrap_err());
    assert!(text.contains("was begun since"), "{text}");
    fresh.pass().await;
}

#[tokio::test]
async fn a_plan_takes_what_is_repeatable_and_resumes_after_it() {
    let fresh = TestDb::new("plan_repeatable").await;
    let repeatable = |name, checksum| {
        Migration::repeatable(name, |tx| {
            Box::pin(async move {
                tx.collection::<Document>("views").insert_one(doc! {}).await?;
                Ok(())
            })
        })
        .with_checksum(checksum)
    };
    let fails = || {
        Migration::repeatable("zones", |tx| {
            Box::pin(async move {
                let stop = tx.collection::<Document>("stop").find_one(doc! {}).await?;
                if stop.is_some() { Err("it is told to stop".into()) } else { Ok(()) }
            })
        })
        .with_checksum("z")
    };
    fresh.migrator([effect!(1), repeatable("prices", "a")]).up().await.unwrap();
    let migrator = fresh.migrator([effect!(1), repeatable("prices", "b"), fails()]);
    let stop = fresh.db.collection::<Document>("stop");
    stop.insert_one(doc! { "_id": 1 }).await.unwrap();
    let plan = migrator.up().plan_file().await.unwrap();
    assert_eq!(plan.steps.len(), 2);
    assert_eq!(plan.steps[0].recorded.as_deref(), Some("a"));
    assert!(plan.steps.iter().all(|step| step.version.get() < 0));
    migrator.up().approved(&plan).await.unwrap_err();
    stop.delete_many(doc! {}).await.unwrap();
    // The first one has run, and its old checksum is what the plan saw.
    assert_eq!(migrator.up().approved(&plan).await.unwrap().done().count(), 1);
    let views = fresh.db.collection::<Document>("views");
    assert_eq!(views.count_documents(doc! {}).await.unwrap(), 2);
    fresh.pass().await;
}

#[tokio::test]
async fn a_backfill_may_have_grown_a_little() {
    let fresh = TestDb::new("plan_grown").await;
    let things = fresh.db.collection::<Document>("things");
    let fill = async |count: i32| {
        let all: Vec<Document> = (0..count).map(|n| doc! { "a": n }).collect();
        things.insert_many(all).await.unwrap();
    };
    fill(100).await;
    let rename =
        || [Migration::declared(1, "rename", |change| change.rename_field("things", "a", "b"))];
    let migrator = fresh.migrator(rename());
    let plan = migrator.up().plan_file().await.unwrap();
    assert_eq!(plan.steps[0].operations[0].documents, Some(100));
    // 10 and 1,000 more are the most.
    fill(1_011).await;
    let text = differences(&migrator.up().approved(&plan).await.unwrap_err());
    assert!(text.contains("would change 1,111 documents now, and 100 were approved"), "{text}");
    things.delete_one(doc! {}).await.unwrap();
    migrator.up().approved(&plan).await.unwrap();
    assert_eq!(things.count_documents(doc! { "b": { "$exists": true } }).await.unwrap(), 1_110);
    fresh.pass().await;
}

#[tokio::test]
async fn a_file_that_is_no_plan_is_refused() {
    let fresh = TestDb::new("plan_file").await;
    let plan = fresh.migrator(FIVE).up().plan_file().await.unwrap();
    let text = plan.to_json();
    let edited = text.replace("\"version\": 2,", "\"version\": 3,");
    assert_ne!(edited, text);
    let newer = text.replace("\"mongrate_plan\": 1", "\"mongrate_plan\": 2");
    let more = text.replace("\"mongrate_plan\": 1", "\"mongrate_plan\": 1, \"surprise\": true");
    for (text, problem) in [
        ("", "not a plan file"),
        ("[]", "not a plan file"),
        ("{\"steps\": []}", "it has no `mongrate_plan`"),
        (edited.as_str(), "the plan file was edited"),
        (newer.as_str(), "has the format 2"),
        (more.as_str(), "cannot be read"),
        (&text[..text.len() / 2], "not a plan file"),
    ] {
        let error = PlanFile::parse(text).unwrap_err();
        assert!(matches!(error, Error::Settings { setting: "plan", .. }), "{error}");
        assert!(error.to_string().contains(problem), "{problem}: {error}");
    }
    // The same plan is the same text, but for when it was made.
    let again = fresh.migrator(FIVE).up().plan_file().await.unwrap();
    let without_time = |text: &str| {
        let lines =
            text.lines().filter(|line| !line.contains("\"at\"") && !line.contains("digest\""));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(without_time(&again.to_json()), without_time(&text));
    assert!(fresh.migrator(FIVE).up().to(9).plan_file().await.is_err());
    assert_eq!(Version::from(1), plan.steps[0].version);
    fresh.pass().await;
}

#[tokio::test]
async fn a_record_says_which_plan_wrote_it_last() {
    let fresh = TestDb::new("plan_record").await;
    let migrator = fresh.migrator(FIVE);
    let plan = migrator.up().to(2).plan_file().await.unwrap();
    migrator.up().approved(&plan).await.unwrap();
    let records = fresh.db.collection::<Document>("migrations");
    let record = async |version: i64| {
        let found = records.find_one(doc! { "_id": version }).await.unwrap().unwrap();
        found.get_document("plan").ok().map(|plan| plan.get_str("digest").unwrap().to_owned())
    };
    assert_eq!(record(2).await.as_ref(), Some(&plan.digest));
    // A rollback and a run without a plan: what is in the record is no longer of its last write.
    migrator.down().await.unwrap();
    migrator.up().to(2).await.unwrap();
    let text = differences(&migrator.up().approved(&plan).await.unwrap_err());
    assert!(text.contains("2 `effect_2` was applied since"), "{text}");
    // Without a plan, nothing of it is written.
    migrator.up().await.unwrap();
    assert_eq!(record(5).await, None);
    fresh.pass().await;
}

#[tokio::test]
async fn a_plan_that_was_changed_in_memory_is_refused() {
    let fresh = TestDb::new("plan_changed").await;
    let migrator = fresh.migrator(FIVE);
    let mut plan = migrator.up().to(2).plan_file().await.unwrap();
    let as_it_was = plan.clone();
    plan.target.to = Some(Version::from(3));
    let error = migrator.up().approved(&plan).await.unwrap_err();
    assert!(matches!(error, Error::Settings { setting: "plan", .. }), "{error}");
    assert!(error.to_string().contains("the plan file was edited"), "{error}");
    migrator.up().approved(&as_it_was).await.unwrap();
    let mut back = migrator.down().plan_file().await.unwrap();
    back.steps.clear();
    let error = migrator.down().approved(&back).await.unwrap_err();
    assert!(error.to_string().contains("the plan file was edited"), "{error}");
    assert_eq!(present(&fresh.db).await, [1, 2]);
    fresh.pass().await;
}

/// What is told to stop, by the collection `stop`.
async fn is_told(db: &mongrate::mongodb::Database, what: &str) -> Result<(), mongrate::BoxError> {
    match db.collection::<Document>("stop").find_one(doc! { "_id": what }).await? {
        Some(_) => Err("it is told to stop".into()),
        None => Ok(()),
    }
}

/// An online migration that can be told to stop after its first step, each way.
fn halts(version: i64) -> Migration {
    Migration::online_steps(version, "halts", |on| {
        Box::pin(async move {
            on.transaction("first", async |tx| {
                tx.collection::<Document>("log").insert_one(doc! { "step": "first" }).await?;
                Ok(())
            })
            .await?;
            is_told(on.database(), "up").await
        })
    })
    .reversible_online_by(|on| {
        Box::pin(async move {
            on.transaction("undo", async |tx| {
                tx.collection::<Document>("log").delete_many(doc! {}).await?;
                Ok(())
            })
            .await?;
            is_told(on.database(), "down").await
        })
    })
}

/// An online migration has several events, and each names the plan: also its beginning, also its failure.
#[tokio::test]
async fn each_event_of_a_migration_in_steps_names_the_plan() {
    let fresh = TestDb::new("plan_events").await;
    let migrator = fresh.migrator([halts(1), effect!(2)]);
    let stop = fresh.db.collection::<Document>("stop");
    stop.insert_one(doc! { "_id": "up" }).await.unwrap();
    let plan = migrator.up().plan_file().await.unwrap();
    migrator.up().approved(&plan).await.unwrap_err();
    stop.delete_many(doc! {}).await.unwrap();
    migrator.up().approved(&plan).await.unwrap();
    let events = migrator.history().await.unwrap().events;
    let named: Vec<&str> = events.iter().map(|event| event.event.as_str()).collect();
    let has = |event: &str| named.contains(&event);
    assert!(has("running") && has("failed") && has("applied"), "{named:?}");
    for event in &events {
        assert_eq!(event.plan.as_ref(), Some(&plan.digest), "{event:?}");
    }
    fresh.pass().await;
}

/// A migration that can be told to fail.
fn gated(version: i64) -> Migration {
    Migration::transactional(version, "gated", |tx| {
        Box::pin(async move {
            match tx.collection::<Document>("stop").find_one(doc! { "_id": "gated" }).await? {
                Some(_) => Err("it is told to stop".into()),
                None => Ok(()),
            }
        })
    })
}

/// A plan that finishes an interrupted rollback, and applies the migration again: one of two steps.
#[tokio::test]
async fn a_plan_with_an_interrupted_rollback_is_resumed_and_repeated() {
    for (told, rest) in [("up", &[2, 3, 4][..]), ("gated", &[3, 4])] {
        let fresh = TestDb::new("plan_both_ways").await;
        let migrator = fresh.migrator([effect!(1), halts(2), gated(3), effect!(4), effect!(5)]);
        migrator.up().to(2).await.unwrap();
        let stop = fresh.db.collection::<Document>("stop");
        // A process is killed while it rolls 2 back.
        stop.insert_one(doc! { "_id": "down" }).await.unwrap();
        migrator.down().await.unwrap_err();
        stop.delete_many(doc! {}).await.unwrap();
        let records = fresh.db.collection::<Document>("migrations");
        let killed = doc! { "$set": { "state": "running" }, "$unset": { "failure": "" } };
        records.update_one(doc! { "_id": 2_i64 }, killed).await.unwrap();

        let plan = migrator.up().steps(3).plan_file().await.unwrap();
        let is_up = |direction| direction == mongrate::Direction::Up;
        let steps = plan.steps.iter().map(|step| (step.version.get(), is_up(step.direction)));
        let steps: Vec<(i64, bool)> = steps.collect();
        assert_eq!(steps, [(2, false), (2, true), (3, true), (4, true)]);
        stop.insert_one(doc! { "_id": told }).await.unwrap();
        let error = migrator.up().approved(&plan).await.unwrap_err();
        assert!(matches!(error, Error::Failed { .. }), "{told}: {error}");
        stop.delete_many(doc! {}).await.unwrap();
        let report = migrator.up().approved(&plan).await.unwrap();
        assert_eq!(report.versions(), versions(rest.iter().copied()), "{told}");
        // Once more: it is done, and nothing else is run.
        assert!(migrator.up().approved(&plan).await.unwrap().is_empty());
        assert_eq!(migrator.status().await.unwrap().applied, 4);
        let log = fresh.db.collection::<Document>("log");
        assert_eq!(log.count_documents(doc! {}).await.unwrap(), 1);
        fresh.pass().await;
    }
}

/// A plan says that a migration is resumed; since then somebody has decided that it was never begun.
#[tokio::test]
async fn what_would_begin_from_its_start_is_not_what_would_be_resumed() {
    let fresh = TestDb::new("plan_resolved").await;
    let migrator = fresh.migrator([effect!(1), halts(2)]);
    let stop = fresh.db.collection::<Document>("stop");
    stop.insert_one(doc! { "_id": "up" }).await.unwrap();
    migrator.up().await.unwrap_err();
    stop.delete_many(doc! {}).await.unwrap();
    let plan = migrator.up().plan_file().await.unwrap();
    assert!(plan.steps[0].resumes, "{plan:?}");
    migrator.resolve(Version::from(2), mongrate::Resolution::Pending).await.unwrap();
    let text = differences(&migrator.up().approved(&plan).await.unwrap_err());
    assert!(text.contains("would begin from its start now"), "{text}");
    fresh.pass().await;
}

/// What is late is part of what was approved.
#[tokio::test]
async fn a_plan_out_of_order_runs_without_being_told_again() {
    let fresh = TestDb::new("plan_late").await;
    fresh.migrator([effect!(1), effect!(3)]).up().await.unwrap();
    let strict = fresh.migrator([effect!(1), effect!(2), effect!(3)]);
    let tolerant = strict.clone().out_of_order(mongrate::OutOfOrder::Allow);
    let error = strict.up().plan_file().await.unwrap_err();
    assert!(matches!(error, Error::OutOfOrder { .. }), "{error}");
    let plan = tolerant.up().plan_file().await.unwrap();
    let read = PlanFile::parse(&plan.to_json()).unwrap();
    assert_eq!(strict.up().approved(&read).await.unwrap().versions(), versions([2]));
    assert_eq!(present(&fresh.db).await, [1, 2, 3]);
    fresh.pass().await;
}
