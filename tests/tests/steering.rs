//! Runs that are paused, tuned and cancelled from elsewhere, through the database.

use std::{
    collections::HashSet,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mongrate::{
    CancellationToken, Error, HoldReason, Hours, Migration, Migrator, NotBefore, StartPolicy,
    StartReport, State, StatusReport, SteeringVerb, StepOutcome, Tuning, Wait, WhenPaused,
    bson::{Document, doc},
    mongodb::Collection,
};
use mongrate_tests::TestDb;
use tokio::{
    sync::Semaphore,
    task::JoinHandle,
    time::{Instant, sleep},
};

/// Heartbeats come every half second.
const LEASE: Duration = Duration::from_millis(1_500);

/// How long something may take to be seen.
const PATIENCE: Duration = Duration::from_secs(60);

async fn seed(fresh: &TestDb, count: i32) -> Collection<Document> {
    let things = fresh.db.collection::<Document>("things");
    let all: Vec<Document> = (0..count).map(|id| doc! { "_id": id }).collect();
    for some in all.chunks(10_000) {
        things.insert_many(some).await.unwrap();
    }
    things
}

/// A backfill that takes its time: 20 ms for each hundred documents. Not idempotent: what is done
/// twice shows.
fn walk() -> Migration {
    Migration::online_steps(2, "walk", |on| {
        Box::pin(async move {
            let walk = on.backfill("walk", "things").batch_size(100);
            walk.update_each(|thing: Document| {
                if thing.get_i32("_id")? % 100 == 0 {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Ok(Some(doc! { "$inc": { "n": 1 } }))
            })
            .await
            .map(drop)
        })
    })
}

fn nothing(version: i64, name: &'static str) -> Migration {
    Migration::transactional(version, name, |_| Box::pin(async { Ok(()) }))
}

fn list() -> [Migration; 3] {
    [nothing(1, "first"), walk(), nothing(3, "last")]
}

async fn done(things: &Collection<Document>) -> u64 {
    things.count_documents(doc! { "n": 1 }).await.unwrap()
}

async fn assert_each_once(things: &Collection<Document>) {
    assert_eq!(things.count_documents(doc! { "n": { "$ne": 1 } }).await.unwrap(), 0);
}

/// Starts a run in the background, and returns when it is in the middle of its backfill.
async fn started(
    migrator: &Migrator,
    things: &Collection<Document>,
) -> JoinHandle<Result<mongrate::RunReport, Error>> {
    let migrator = migrator.clone();
    let run = tokio::spawn(async move { migrator.up().await });
    until("it has begun", async || done(things).await > 0).await;
    run
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Until the run tells that this holds it back.
async fn held(operator: &Migrator, reason: HoldReason) -> StatusReport {
    let mut status = operator.status().await.unwrap();
    until(reason.as_str(), async || {
        status = operator.status().await.unwrap();
        let hold = status.lock.position.as_ref().and_then(|position| position.hold.as_ref());
        hold.is_some_and(|hold| hold.reason == reason)
    })
    .await;
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_begins_nothing_more_and_goes_on_where_it_was() {
    let fresh = TestDb::new("paused").await;
    let things = seed(&fresh, 10_000).await;
    let other = fresh.again().await;
    let operator = other.migrator(list()).app("ops");
    let run = started(&fresh.migrator(list()).lease(LEASE), &things).await;

    let report = operator.pause().why("the shop is slow").await.unwrap();
    assert!(report.changed && report.verb == SteeringVerb::Pause, "{report:?}");
    assert_eq!((report.fence, report.known_within_ms), (1, Some(500)));
    let status = held(&operator, HoldReason::Paused).await;
    let position = status.lock.position.unwrap();
    assert_eq!((position.at, position.of), (2, 3));
    let text = position.hold.unwrap().text;
    assert!(text.contains("ops") && text.contains("the shop is slow"), "{text}");
    let paused = status.lock.paused.unwrap();
    assert_eq!((paused.by.app.as_str(), paused.why.as_deref()), ("ops", Some("the shop is slow")));

    // It stands still, keeps its lock, and sends nothing but heartbeats: three at least.
    let before = done(&things).await;
    fresh.wire.take();
    let sent = fresh.wire.more("findAndModify", 3).await;
    assert!(sent.iter().all(|name| name == "findAndModify"), "{sent:?}");
    assert_eq!(done(&things).await, before);
    assert!(before < 10_000 && operator.lock_status().await.unwrap().held);

    // Who comes second is told who was first.
    let again = fresh.again().await;
    let second = again.migrator(list()).app("somebody else");
    let report = second.pause().why("me too").await.unwrap();
    assert!(!report.changed && report.paused.unwrap().by.app == "ops");

    let report = second.resume().await.unwrap();
    assert!(report.changed && report.paused.is_none(), "{report:?}");
    assert!(!second.resume().await.unwrap().changed);
    assert_eq!(run.await.unwrap().unwrap().done().count(), 3);
    assert_each_once(&things).await;

    // Each event once, in the record of the migration that was at work.
    let events = operator.history().await.unwrap().events;
    let steered: Vec<_> = events.iter().filter(|event| event.event.ends_with("ed")).collect();
    let named = |name: &str| {
        let mut found = steered.iter().filter(|event| event.event == name);
        let event = *found.next().unwrap_or_else(|| panic!("no {name} in {events:?}"));
        assert!(found.next().is_none(), "{name} twice in {events:?}");
        event
    };
    let paused = named("paused");
    assert_eq!(paused.version.map(mongrate::Version::get), Some(2));
    assert_eq!(paused.note.as_deref(), Some("the shop is slow"));
    assert_eq!((paused.fence, paused.by.app.as_str()), (1, "ops"));
    assert_eq!(named("resumed").by.app, "somebody else");
    fresh.pass().await;
}

/// The pause costs the run no command.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_paused_and_tuned_sends_what_any_run_sends() {
    let fresh = TestDb::new("paused_wire").await;
    let other = fresh.again().await;
    static INSIDE: AtomicBool = AtomicBool::new(false);
    static GATE: Semaphore = Semaphore::const_new(0);
    let first = Migration::transactional(1, "first", |_| {
        Box::pin(async {
            INSIDE.store(true, Ordering::SeqCst);
            GATE.acquire().await?.forget();
            Ok(())
        })
    });
    let all = [first, nothing(2, "second"), nothing(3, "third")];
    let operator = other.migrator(all);
    fresh.wire.take();
    let migrator = fresh.migrator(all).lease(LEASE);
    let run = tokio::spawn(async move { migrator.up().await });
    until("the first is at work", async || INSIDE.load(Ordering::SeqCst)).await;
    operator.pause().await.unwrap();
    operator.tune(Tuning::new().workers(2)).await.unwrap();
    let mut sent = fresh.wire.take();
    sent.extend(fresh.wire.more("findAndModify", 2).await);
    GATE.add_permits(1);
    // A transaction is not cut: it ends, and the next one does not begin.
    let status = held(&operator, HoldReason::Paused).await;
    assert_eq!(status.applied, 1);
    operator.resume().await.unwrap();
    assert_eq!(run.await.unwrap().unwrap().done().count(), 3);
    sent.extend(fresh.wire.take());
    sent.retain(|name| name != "findAndModify");
    assert_eq!(sent.len() + 1, 5 + 2 * 3, "{sent:?}");
    // What was for this run is gone with it.
    let control = fresh.db.collection::<Document>("migrations");
    let lock = control.find_one(doc! { "_id": "lock" }).await.unwrap().unwrap();
    for field in ["tuned", "cancel", "position", "paused"] {
        assert!(!lock.contains_key(field), "{field}: {lock}");
    }
    fresh.pass().await;
}

#[tokio::test]
async fn a_paused_history_is_not_begun_and_a_start_does_as_it_is_told() {
    let fresh = TestDb::new("paused_before").await;
    let other = fresh.again().await;
    let operator = other.migrator(list()).app("ops");
    // Before any process has run the history.
    let report = operator.pause().await.unwrap();
    assert_eq!((report.changed, report.fence, report.holder), (true, 0, None));
    let migrator = fresh.migrator(list());
    let error = migrator.clone().wait(Wait::No).up().await.unwrap_err();
    assert!(matches!(&error, Error::Paused { asked } if asked.by.app == "ops"), "{error}");
    assert_eq!(error.kind().exit_code(), 75);
    let error = migrator.clone().wait(Wait::AtMost(Duration::from_millis(300))).up().await;
    assert!(matches!(error, Err(Error::Paused { .. })), "{error:?}");

    let start = |policy| {
        let migrator = migrator.clone().when_paused(policy);
        async move { migrator.on_start().policy(StartPolicy::Migrate).await }
    };
    let error = start(WhenPaused::Fail).await;
    assert!(matches!(error, Err(Error::Paused { .. })), "{error:?}");
    match start(WhenPaused::Start).await {
        Ok(StartReport::Paused { pending: 3, asked }) => assert_eq!(asked.by.app, "ops"),
        other => panic!("{other:?}"),
    }
    let waiting = tokio::spawn(start(WhenPaused::Wait));
    sleep(Duration::from_millis(500)).await;
    let status = operator.status().await.unwrap();
    assert_eq!((status.pending, status.lock.held, status.lock.fence), (3, false, 0));
    assert!(!waiting.is_finished());
    operator.resume().await.unwrap();
    assert!(
        matches!(waiting.await.unwrap(), Ok(StartReport::Migrate(run)) if run.steps.len() == 3)
    );

    // With nothing pending, a pause holds up no start: one command.
    operator.pause().await.unwrap();
    fresh.wire.take();
    start(WhenPaused::Wait).await.unwrap();
    assert_eq!(fresh.wire.take(), ["find"]);
    // What only records is the operators' own work.
    operator.baseline(3).await.unwrap();
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_cancelled_from_elsewhere_in_order() {
    let fresh = TestDb::new("cancelled_from_elsewhere").await;
    let things = seed(&fresh, 10_000).await;
    let other = fresh.again().await;
    let operator = other.migrator(list()).app("ops");
    let run = started(&fresh.migrator(list()).lease(LEASE), &things).await;
    assert!(operator.cancel_run().why("not today").fence(1).await.unwrap().changed);
    assert!(!operator.cancel_run().await.unwrap().changed, "it was asked for before");
    let error = run.await.unwrap().unwrap_err();
    let Error::Cancelled { report } = &error else { panic!("{error}") };
    let by = report.cancelled_by.as_ref().unwrap();
    assert_eq!((by.by.app.as_str(), by.why.as_deref()), ("ops", Some("not today")));
    assert_eq!(report.steps[1].outcome, StepOutcome::Interrupted);
    let far = &report.steps[1].progress[0];
    let text = error.to_string();
    assert!(text.contains("not today") && text.contains("`walk` at "), "{text}");
    // The batch at hand is whole.
    let there = done(&things).await;
    assert_eq!((there % 100, far.documents, far.total), (0, there, Some(10_000)));
    let status = operator.status().await.unwrap();
    assert_eq!(status.migrations[1].state, State::Interrupted);
    assert!(!status.lock.held && status.lock.cancel_asked.is_none());
    // The next run does not look at what ended the last one.
    fresh.migrator(list()).up().await.unwrap();
    assert_each_once(&things).await;
    fresh.pass().await;
}

/// What a run that crashed has left in the lock is for nobody else.
#[tokio::test]
async fn a_cancellation_of_an_older_run_ends_no_other() {
    let fresh = TestDb::new("cancelled_older").await;
    let control = fresh.db.collection::<Document>("migrations");
    let now = mongrate::bson::DateTime::now();
    let by = doc! { "host": "gone", "pid": 1_i64, "app": "" };
    let asked = doc! { "fence": 4_i64, "by": by.clone(), "at": now };
    let left = doc! {
        "_id": "lock", "owner": "gone", "fence": 4_i64, "by": by, "expiresAt": now,
        "cancel": asked.clone(),
        "tuned": {
            "fence": 4_i64, "by": asked.get_document("by").unwrap(), "at": now,
            "settings": { "workers": 3_i64 },
        },
    };
    control.insert_one(left).await.unwrap();
    let migrator = fresh.migrator(list());
    let lock = migrator.lock_status().await.unwrap();
    assert_eq!(lock.tuned.unwrap().settings, Tuning::new().workers(3));
    assert!(matches!(migrator.cancel_run().await, Err(Error::NoRun { .. })));
    assert_eq!(migrator.up().await.unwrap().done().count(), 3);
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_gets_a_defined_answer() {
    let fresh = TestDb::new("steering_answers").await;
    let things = seed(&fresh, 10_000).await;
    let other = fresh.again().await;
    let operator = other.migrator(list());
    let gentle = Tuning::new().workers(1);
    // Before there is anything.
    for asked in [operator.cancel_run().await, operator.tune(gentle).await] {
        let error = asked.unwrap_err();
        assert!(matches!(error, Error::NoRun { .. }), "{error}");
        assert_eq!((error.kind().exit_code(), error.code()), (65, "no_run"));
        assert!(error.to_string().contains("never been run"), "{error}");
    }
    assert!(!operator.resume().await.unwrap().changed);
    let error = operator.pause().fence(7).await.unwrap_err();
    assert!(matches!(error, Error::FenceMismatch { asked: 7, .. }), "{error}");
    assert!(operator.lock_status().await.unwrap().paused.is_none());

    let run = started(&fresh.migrator(list()).lease(LEASE), &things).await;
    for asked in [
        operator.pause().fence(9).await,
        operator.cancel_run().fence(9).await,
        operator.tune(gentle).fence(9).await,
    ] {
        let error = asked.unwrap_err();
        assert!(error.to_string().contains("has the lock with fence 1"), "{error}");
    }
    // Nothing is said, or too much.
    for asked in [
        operator.tune(Tuning::new()).await,
        operator.tune(gentle.workers(65)).await,
        operator.pause().why("x".repeat(501)).await,
    ] {
        assert_eq!(asked.unwrap_err().code(), "settings");
    }
    operator.cancel_run().await.unwrap();
    run.await.unwrap().unwrap_err();
    // Ended in order.
    let error = operator.cancel_run().await.unwrap_err();
    assert!(error.to_string().contains("the lock is free (last fence 1)"), "{error}");
    let error = operator.pause().fence(1).await.unwrap_err();
    assert!(matches!(error, Error::NoRun { .. }), "{error}");
    fresh.pass().await;
}

/// However often a run is steered, what else has happened stays in the history.
#[tokio::test]
async fn requests_push_nothing_else_out_of_the_history() {
    let fresh = TestDb::new("steering_events").await;
    let control = fresh.db.collection::<Document>("migrations");
    let migrator = fresh.migrator(list());
    migrator.up().steps(1).await.unwrap();
    let held = doc! { "$set": { "owner": "gone", "expiresAt": mongrate::bson::DateTime::MAX } };
    control.update_one(doc! { "_id": "lock" }, held).await.unwrap();
    migrator.force_unlock(1).await.unwrap();
    for _ in 0..15 {
        assert!(migrator.pause().why("$why { not }").await.unwrap().changed);
        assert!(migrator.resume().await.unwrap().changed);
    }
    let events = migrator.history().await.unwrap().events;
    let count = |name: &str| events.iter().filter(|event| event.event == name).count();
    assert_eq!((count("force_unlocked"), count("applied")), (1, 1), "{events:?}");
    assert_eq!((count("paused"), count("resumed")), (10, 10), "{events:?}");
    let last = events.iter().rfind(|event| event.event == "paused").unwrap();
    assert_eq!(last.note.as_deref(), Some("$why { not }"));
    fresh.pass().await;
}

static ELSEWHEN: OnceLock<Hours> = OnceLock::new();

/// Whoever tries a migration does not wait for the night.
#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_run_knows_no_hours_and_no_rate() {
    let fresh = TestDb::new("steering_shadow").await;
    seed(&fresh, 200).await;
    ELSEWHEN.set(far_from_now(&fresh).await).unwrap();
    let at_night = Migration::online_steps(1, "at_night", |on| {
        Box::pin(async move {
            let walk = on.backfill("walk", "things").between(ELSEWHEN.get().copied()).per_second(1);
            walk.update(vec![doc! { "$set": { "n": 1 } }]).await.map(drop)
        })
    });
    let migrator = fresh.migrator([at_night]);
    let report = migrator.up().shadow().sample(1_000).await.unwrap();
    assert!(report.is_ok(), "{report:?}");
    // The run itself waits.
    let stop = CancellationToken::new();
    let waits = migrator.clone().lease(LEASE).cancel_on(stop.clone());
    let run = tokio::spawn(async move { waits.up().await });
    held(&migrator, HoldReason::Hours).await;
    stop.cancel();
    run.await.unwrap().unwrap_err();
    fresh.pass().await;
}

/// The sessions of the batches that were committed since the last call.
fn sessions(fresh: &TestDb) -> (usize, HashSet<String>) {
    let sent = fresh.wire.take_full();
    let commits = sent.iter().filter(|(name, _)| name == "commitTransaction");
    let of = |(_, command): &(String, Document)| command.get_document("lsid").unwrap().to_string();
    let all: Vec<String> = commits.map(of).collect();
    (all.len(), all.into_iter().collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_is_tuned_while_it_runs() {
    let fresh = TestDb::new("tuned").await;
    let things = seed(&fresh, 60_000).await;
    let other = fresh.again().await;
    let operator = other.migrator(list());
    let run = started(&fresh.migrator(list()).lease(LEASE), &things).await;

    // More workers, each in a session of its own, and fewer again.
    let (_, before) = sessions(&fresh);
    assert!(before.len() <= 2, "the run's own, and one worker's: {before:?}");
    operator.tune(Tuning::new().workers(3)).await.unwrap();
    let mut seen = HashSet::new();
    until("three workers", async || {
        seen = sessions(&fresh).1;
        seen.len() == 3
    })
    .await;
    operator.tune(Tuning::new().workers(1)).await.unwrap();
    until("one worker", async || {
        let before = done(&things).await;
        sessions(&fresh);
        until("some batches", async || done(&things).await > before + 500).await;
        sessions(&fresh).1.len() == 1
    })
    .await;

    // A rate, which makes smaller batches, too.
    operator.tune(Tuning::new().per_second(50)).await.unwrap();
    let status = held(&operator, HoldReason::Rate).await;
    let tuned = status.lock.tuned.unwrap();
    assert_eq!(tuned.settings, Tuning::new().workers(1).per_second(50), "field by field");
    let text = status.lock.position.unwrap().hold.unwrap().text;
    assert_eq!(text, "at most 50 documents/s");
    let before = done(&things).await;
    until("a small batch", async || done(&things).await > before).await;
    assert!(done(&things).await - before <= 50);

    // Out of hours; then all as it was, in bigger batches.
    let elsewhen = far_from_now(&fresh).await;
    operator.tune(Tuning::new().between(elsewhen)).await.unwrap();
    let status = held(&operator, HoldReason::Hours).await;
    let text = status.lock.position.unwrap().hold.unwrap().text;
    assert!(text.contains(&elsewhen.to_string()), "{text}");
    let big = Tuning::new().batch_documents(2_000);
    operator.tune(big).reset(true).await.unwrap();
    let report = run.await.unwrap().unwrap();
    assert_eq!(report.done().count(), 3);
    assert_each_once(&things).await;
    let (batches, _) = sessions(&fresh);
    assert!(batches < 200, "some 50,000 documents in batches of 2,000: {batches}");
    let notes: Vec<_> = operator.history().await.unwrap().events;
    let notes: Vec<_> = notes.iter().filter_map(|event| event.note.as_deref()).collect();
    assert!(notes.contains(&"3 workers"), "{notes:?}");
    assert!(notes.contains(&"as it was, but batches of 2,000 documents"), "{notes:?}");
    fresh.pass().await;
}

/// An hour that is six hours away, by the server's clock.
async fn far_from_now(fresh: &TestDb) -> Hours {
    let hello = fresh.db.run_command(doc! { "hello": 1 }).await.unwrap();
    let ms = hello.get_datetime("localTime").unwrap().timestamp_millis();
    let hour = (ms / 3_600_000 + 6) % 24;
    format!("{hour:02}:00-{:02}:00", (hour + 1) % 24).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_has_settings_of_its_own_and_an_hour_at_which_it_begins() {
    let fresh = TestDb::new("run_settings").await;
    let things = seed(&fresh, 1_000).await;
    let migrator = fresh.migrator(list());
    let elsewhen = far_from_now(&fresh).await;
    let begins: NotBefore = elsewhen.to_string()[..5].parse().unwrap();
    // It waits, without the lock, and a cancellation ends the wait.
    let stop = CancellationToken::new();
    let waits = migrator.clone().cancel_on(stop.clone());
    let waiting = tokio::spawn(async move { waits.up().not_before(begins).await });
    sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished() && migrator.lock_status().await.unwrap().fence == 0);
    stop.cancel();
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Cancelled { .. }), "{error}");

    let past: NotBefore = "2025-01-22T10:30:00Z".parse().unwrap();
    let bad = Tuning::new().batch_bytes(1);
    assert_eq!(migrator.up().tuning(bad).await.unwrap_err().code(), "settings");
    fresh.wire.take();
    let own = Tuning::new().batch_documents(10);
    migrator.up().not_before(past).tuning(own).await.unwrap();
    assert!(sessions(&fresh).0 >= 100, "a hundred batches of ten");
    assert_each_once(&things).await;
    // With nothing pending, there is nothing to wait for.
    assert!(migrator.up().not_before(begins).await.unwrap().is_empty());
    fresh.pass().await;
}
