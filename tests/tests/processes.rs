//! Many processes at once, killed and frozen ones, and clocks that are off.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use mongrate::bson::{Document, doc};
use mongrate_tests::{
    TestDb,
    clock::shim,
    effects::{assert_exactly_once, present},
    process::Fixture,
};

const FIXTURE: &str = env!("CARGO_BIN_EXE_fixture");

/// The fixture's lease.
const LEASE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn eight_processes_at_once_apply_each_once() {
    for round in 0..10 {
        let fresh = TestDb::new(&format!("eight_processes_{round}")).await;
        let racing: Vec<_> = (0..8)
            .map(|_| Fixture::start(FIXTURE, &fresh.uri, fresh.db.name(), "twenty"))
            .collect();
        for ended in join_all(racing.into_iter().map(Fixture::ended)).await {
            assert!(ended.status.success(), "round {round}: {}", ended.output);
            assert!(ended.output.contains("done with 20 effects"), "{}", ended.output);
        }
        assert_exactly_once(&fresh.db, 1..=20).await;
        fresh.pass().await;
    }
}

#[tokio::test]
async fn after_a_kill_the_next_run_finishes_within_the_lease() {
    let fresh = TestDb::new("after_a_kill").await;
    let mut first = Fixture::start(FIXTURE, &fresh.uri, fresh.db.name(), "hanging");
    first.says("inside").await;
    let killed = Instant::now();
    first.signal("KILL");
    first.ended().await;
    // Its transaction lives on: the server would keep it for another minute.
    assert_eq!(present(&fresh.db).await, [1]);
    let wait = [("FIXTURE_LEASE_ONLY", Path::new("1"))];
    let second = Fixture::start_with(FIXTURE, &fresh.uri, fresh.db.name(), "calm", &wait);
    let second = second.ended().await;
    assert!(second.status.success(), "{}", second.output);
    // A bound of the protocol, not a speed: without ending the dead process's transaction
    // this takes over a minute.
    let took = killed.elapsed();
    assert!(took < LEASE + Duration::from_secs(2), "{took:?}");
    assert_exactly_once(&fresh.db, 1..=3).await;
    fresh.pass().await;
}

/// The lease is an hour, and no process waits for longer than a minute.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn after_a_kill_on_the_same_machine_no_lease_is_waited_for() {
    let long = [("FIXTURE_LEASE_S", Path::new("3600"))];
    let fresh = TestDb::new("after_a_kill_here").await;
    let (uri, name) = (&fresh.uri, fresh.db.name());
    let mut first = Fixture::start_with(FIXTURE, uri, name, "hanging", &long);
    first.says("inside").await;
    first.signal("KILL");
    first.ended().await;
    let racing: Vec<_> =
        (0..4).map(|_| Fixture::start_with(FIXTURE, uri, name, "calm", &long)).collect();
    for ended in join_all(racing.into_iter().map(Fixture::ended)).await {
        assert!(ended.status.success(), "{}", ended.output);
    }
    assert_exactly_once(&fresh.db, 1..=3).await;
    fresh.pass().await;
}

#[tokio::test]
async fn a_process_that_was_frozen_beyond_its_lease_changes_nothing() {
    let fresh = TestDb::new("a_frozen_process").await;
    let mut first = Fixture::start(FIXTURE, &fresh.uri, fresh.db.name(), "hanging");
    first.says("inside").await;
    first.signal("STOP");
    let second = Fixture::start(FIXTURE, &fresh.uri, fresh.db.name(), "calm").ended().await;
    assert!(second.status.success(), "{}", second.output);
    assert_exactly_once(&fresh.db, 1..=3).await;
    first.signal("CONT");
    // It finds out that it was replaced, sees that nothing is left to do, and ends well.
    let first = first.ended().await;
    assert!(first.status.success(), "{}", first.output);
    assert_exactly_once(&fresh.db, 1..=3).await;
    fresh.pass().await;
}

#[tokio::test]
async fn an_online_migration_resumes_where_it_was_killed() {
    let fresh = TestDb::new("an_online_killed").await;
    let hang = [("FIXTURE_HANG", Path::new("1"))];
    let mut first = Fixture::start_with(FIXTURE, &fresh.uri, fresh.db.name(), "steps", &hang);
    first.says("inside").await;
    first.signal("KILL");
    first.ended().await;
    assert_eq!(present(&fresh.db).await, [1, 2]);
    let second = Fixture::start(FIXTURE, &fresh.uri, fresh.db.name(), "steps").ended().await;
    assert!(second.status.success(), "{}", second.output);
    assert_eq!(present(&fresh.db).await, [1, 2, 3], "each step once");
    fresh.pass().await;
}

#[tokio::test]
async fn an_interrupted_process_aborts_records_and_lets_go() {
    let fresh = TestDb::new("an_interrupted_process").await;
    let mut first = Fixture::start(FIXTURE, &fresh.uri, fresh.db.name(), "hanging");
    first.says("inside").await;
    first.signal("INT");
    let first = first.ended().await;
    assert_eq!(first.status.code(), Some(130), "{}", first.output);
    assert!(first.output.contains("cancelled"), "{}", first.output);
    assert_eq!(present(&fresh.db).await, [1]);
    let control = fresh.db.collection::<Document>("migrations");
    let lock = control.find_one(doc! { "_id": "lock" }).await.unwrap().unwrap();
    assert!(lock.get_str("owner").is_err(), "the lock is free: {lock}");
    let record = control.find_one(doc! { "_id": 2_i64 }).await.unwrap().unwrap();
    assert_eq!(record.get_str("state").unwrap(), "cancelled");
    let second = Fixture::start(FIXTURE, &fresh.uri, fresh.db.name(), "calm").ended().await;
    assert!(second.status.success(), "{}", second.output);
    assert_exactly_once(&fresh.db, 1..=3).await;
    fresh.pass().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_clock_that_is_an_hour_off_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let preload = shim(dir.path());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let fresh = TestDb::new("a_clock_off").await;
    let mut racing = Vec::new();
    for (shift, expected) in [("3600", 3_600), ("-3600", -3_600), ("0", 0)] {
        let env = [("LD_PRELOAD", preload.as_path()), ("FIXTURE_CLOCK_SHIFT", Path::new(shift))];
        let fixture = Fixture::start_with(FIXTURE, &fresh.uri, fresh.db.name(), "clock", &env);
        racing.push((fixture, expected));
    }
    for (fixture, expected) in racing {
        let ended = fixture.ended().await;
        assert!(ended.status.success(), "{}", ended.output);
        // The shim is at work: the process really sees another hour.
        let clock = ended.output.lines().find_map(|line| line.strip_prefix("clock ")).unwrap();
        let off = clock.parse::<i64>().unwrap() - i64::try_from(now.as_secs()).unwrap();
        assert!((off - expected).abs() < 600, "{off}");
    }
    assert_exactly_once(&fresh.db, 1..=20).await;
    let control = fresh.db.collection::<Document>("migrations");
    let first = control.find_one(doc! { "_id": 1_i64 }).await.unwrap().unwrap();
    let applied_at = first.get_datetime("appliedAt").unwrap().timestamp_millis() / 1_000;
    let off = applied_at - i64::try_from(now.as_secs()).unwrap();
    assert!(off.abs() < 600, "times are the server's: {off}");
    fresh.pass().await;
}
