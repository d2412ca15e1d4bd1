//! What is recorded: status, history, baseline, resolve, repair.

use mongrate::{
    Error, Resolution, State, Version, Wait,
    bson::{Bson, Document, doc},
    mongodb::options::WriteConcern,
};
use mongrate_tests::{
    TestDb, effect,
    effects::{present, versions},
    irreversible,
};

use super::{FIVE, failing};

#[tokio::test]
async fn status_shows_every_state() {
    let fresh = TestDb::new("status").await;
    fresh.migrator([effect!(1), effect!(9)]).up().await.unwrap();
    let list = [effect!(1), irreversible!(10), failing(11, "fails"), effect!(12)];
    let migrator = fresh.migrator(list);
    migrator.up().await.unwrap_err();
    let status = migrator.status().await.unwrap();
    let states: Vec<_> = status
        .migrations
        .iter()
        .map(|migration| (migration.version.get(), migration.state, migration.linked))
        .collect();
    assert_eq!(
        states,
        [
            (1, State::Applied, true),
            (9, State::Applied, false),
            (10, State::Applied, true),
            (11, State::Failed, true),
            (12, State::Pending, true),
        ]
    );
    assert_eq!((status.applied, status.failed, status.pending), (3, 1, 1));
    assert_eq!(status.unapplied(), 2);
    assert!(!status.lock.held);
    let first = &status.migrations[0];
    assert!(first.applied_at.is_some() && first.duration_ms.is_some() && first.batch == Some(1));
    assert_eq!(first.by.as_ref().unwrap().pid, std::process::id());
    assert!(first.reversible && !status.migrations[2].reversible);
    let failure = status.migrations[3].failure.as_ref().unwrap();
    assert!(failure.message.contains("the body says no"), "{failure:?}");
    // The machine-readable form goes there and back.
    let json = serde_json::to_string(&status).unwrap();
    assert_eq!(serde_json::from_str::<mongrate::StatusReport>(&json).unwrap(), status);
    fresh.pass().await;
}

#[tokio::test]
async fn history_tells_what_happened_when() {
    let fresh = TestDb::new("history").await;
    let migrator = fresh.migrator([effect!(1), effect!(2)]).app("tests 1.0");
    migrator.up().await.unwrap();
    migrator.down().await.unwrap();
    migrator.up().await.unwrap();
    let events = migrator.history().await.unwrap().events;
    let told: Vec<_> =
        events.iter().map(|event| (event.version.unwrap().get(), event.event.as_str())).collect();
    assert_eq!(told, [(1, "applied"), (2, "applied"), (2, "reverted"), (2, "applied")]);
    assert!(events.iter().all(|event| event.by.app == "tests 1.0"));
    let fences: Vec<i64> = events.iter().map(|event| event.fence).collect();
    assert_eq!(fences, [1, 1, 2, 3], "fence numbers rise");
    for _ in 0..12 {
        migrator.redo().await.unwrap();
    }
    let events = migrator.history().await.unwrap().events;
    let of_two = events.iter().filter(|event| event.version == Some(Version::from(2))).count();
    assert_eq!(of_two, 20, "a record keeps twenty events");
    fresh.pass().await;
}

#[tokio::test]
async fn baseline_records_without_running() {
    let fresh = TestDb::new("baseline").await;
    let migrator = fresh.migrator(FIVE);
    let report = migrator.baseline(3).await.unwrap();
    assert_eq!(report.migrations.len(), 3);
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    assert_eq!(migrator.up().await.unwrap().versions(), versions([4, 5]));
    assert!(matches!(migrator.baseline(8).await, Err(Error::UnknownVersion { .. })));
    assert!(migrator.baseline(5).await.unwrap().migrations.is_empty());
    assert!(migrator.up().await.unwrap().is_empty(), "the digest counts the baseline");
    fresh.pass().await;
}

#[tokio::test]
async fn resolve_answers_for_an_interrupted_one() {
    let fresh = TestDb::new("resolve").await;
    let migrator = fresh.migrator([effect!(1), failing(2, "fails"), effect!(3)]);
    migrator.up().await.unwrap_err();
    let report = migrator.resolve(2, Resolution::Applied).await.unwrap();
    assert_eq!(report.state, State::Applied);
    assert_eq!(migrator.up().await.unwrap().versions(), versions([3]));
    let again = migrator.resolve(2, Resolution::Applied).await.unwrap_err();
    assert!(matches!(again, Error::WrongState { .. }), "{again}");
    migrator.resolve(3, Resolution::Undone).await.unwrap();
    assert_eq!(migrator.up().await.unwrap().versions(), versions([3]));
    assert!(migrator.up().await.unwrap().is_empty(), "the digest follows the answers");
    fresh.pass().await;
}

#[tokio::test]
async fn an_edited_body_is_an_error_until_it_is_repaired() {
    let fresh = TestDb::new("an_edited_body").await;
    let list = |sum| [effect!(1).with_checksum(sum), effect!(2)];
    fresh.migrator([list("v1:sha256:aa")[0]]).up().await.unwrap();
    let migrator = fresh.migrator(list("v1:sha256:bb"));
    for error in [migrator.up().await.unwrap_err(), migrator.check().await.unwrap_err()] {
        let text = error.to_string();
        assert!(matches!(error, Error::Drift(_)), "{text}");
        for part in ["v1:sha256:aa", "v1:sha256:bb", "repair"] {
            assert!(text.contains(part), "{text}");
        }
    }
    assert!(migrator.status().await.unwrap().migrations[0].drifted);
    let preview = migrator.repair().preview().await.unwrap();
    assert!(!preview.written && preview.checksums.len() == 1);
    assert!(migrator.up().await.is_err(), "a preview writes nothing");
    let repaired = migrator.repair().await.unwrap();
    assert!(repaired.written);
    assert_eq!(migrator.up().await.unwrap().versions(), versions([2]));
    assert!(migrator.up().await.unwrap().is_empty(), "the digest was repaired too");
    fresh.pass().await;
}

#[tokio::test]
async fn repair_rebuilds_a_damaged_digest() {
    let fresh = TestDb::new("repair_rebuilds").await;
    let migrator = fresh.migrator(FIVE);
    migrator.up().await.unwrap();
    let control = fresh.db.collection::<Document>("migrations");
    let lost = doc! { "$set": { "applied": { "count": 5_i64, "digest": "lost" } } };
    // Before 5.0, a majority read need not see a write that did not ask for a majority.
    let majority = WriteConcern::majority();
    control.update_one(doc! { "_id": "fence" }, lost).write_concern(majority).await.unwrap();
    // Slower, but right all the same.
    assert!(migrator.up().await.unwrap().is_empty());
    fresh.wire.take();
    migrator.up().await.unwrap();
    assert!(fresh.wire.take().len() > 1);
    assert!(migrator.repair().preview().await.unwrap().digest_rebuilt);
    assert!(migrator.repair().await.unwrap().digest_rebuilt);
    assert!(!migrator.repair().preview().await.unwrap().digest_rebuilt);
    fresh.wire.take();
    migrator.up().await.unwrap();
    assert_eq!(fresh.wire.take(), ["find"]);
    fresh.pass().await;
}

/// A build that is older than what wrote the record does not guess.
#[tokio::test]
async fn what_a_record_says_in_unknown_words_is_an_error() {
    let fresh = TestDb::new("unknown_words").await;
    let migrator = fresh.migrator(FIVE);
    migrator.up().to(1).await.unwrap();
    let control = fresh.db.collection::<Document>("migrations");
    for (field, known) in [("kind", "transaction"), ("direction", "up"), ("state", "applied")] {
        for unknown in [Bson::from("quantum"), Bson::from(7), Bson::Null] {
            let set = |value: Bson| {
                let control = control.clone();
                async move {
                    let update = doc! { "$set": { field: value } };
                    let id = doc! { "_id": 1_i64 };
                    let set = control.update_one(id, update);
                    set.write_concern(WriteConcern::majority()).await.unwrap();
                }
            };
            set(unknown.clone()).await;
            let error = migrator.up().await.unwrap_err();
            assert!(matches!(error, Error::Corrupt { .. }), "{field} {unknown}: {error}");
            assert!(error.to_string().contains(&format!("`{field}`")), "{error}");
            assert_eq!(error.kind().exit_code(), 65);
            assert_eq!(present(&fresh.db).await, [1_i64], "nothing was run");
            set(known.into()).await;
        }
    }
    // An absent field means what it meant before the field existed.
    let unset = doc! { "$unset": { "kind": "" } };
    let unset = control.update_one(doc! { "_id": 1_i64 }, unset);
    unset.write_concern(WriteConcern::majority()).await.unwrap();
    assert_eq!(migrator.up().await.unwrap().versions(), versions(2..=5));
    fresh.pass().await;
}

#[tokio::test]
async fn a_name_that_no_repeatable_migration_has_is_not_called_a_version() {
    let fresh = TestDb::new("unknown_names").await;
    let migrator = fresh.migrator(FIVE);
    migrator.up().to(1).await.unwrap();
    let view = Version::new(mongrate_seal::repeatable_number("view"));
    for (version, said) in
        [(view, "no repeatable migration has this name; "), (9.into(), "has version 9; ")]
    {
        let error = migrator.resolve(version, Resolution::Applied).await.unwrap_err();
        assert!(matches!(error, Error::UnknownVersion { .. }), "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
    fresh.pass().await;
}

#[tokio::test]
async fn a_foreign_collection_is_left_alone() {
    let fresh = TestDb::new("a_foreign_collection").await;
    let foreign = doc! { "fileName": "20200101-first.js", "appliedAt": "then" };
    let control = fresh.db.collection::<Document>("migrations");
    control.insert_one(foreign).write_concern(WriteConcern::majority()).await.unwrap();
    let error = fresh.migrator(FIVE).up().await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    let elsewhere = fresh.migrator(FIVE).collection("mongrate");
    assert_eq!(elsewhere.up().await.unwrap().versions(), versions(1..=5));
    fresh.pass().await;
}

#[tokio::test]
async fn wrong_settings_are_refused_without_a_command() {
    let fresh = TestDb::new("wrong_settings").await;
    for migrator in [
        fresh.migrator(FIVE).collection("a$b"),
        fresh.migrator(FIVE).collection(""),
        fresh.migrator(FIVE).lease(std::time::Duration::ZERO),
        fresh.migrator(FIVE).group(""),
        fresh.migrator([effect!(1), effect!(1)]),
        fresh.migrator([]),
    ] {
        migrator.up().await.unwrap_err();
        migrator.wait(Wait::No).status().await.unwrap_err();
    }
    assert!(fresh.wire.take().is_empty());
    fresh.pass().await;
}

#[tokio::test]
async fn repair_restores_a_history_whose_records_are_gone() {
    let fresh = TestDb::new("repair_records_gone").await;
    let migrator = fresh.migrator(FIVE);
    migrator.baseline(5).await.unwrap();
    let control = fresh.db.collection::<Document>("migrations");
    let records = doc! { "_id": { "$type": "long" } };
    control.delete_many(records).write_concern(WriteConcern::majority()).await.unwrap();
    assert!(migrator.up().await.unwrap().is_empty(), "the digest still says so");
    assert!(migrator.repair().await.unwrap().digest_rebuilt);
    assert_eq!(migrator.up().await.unwrap().versions(), versions(1..=5));
    assert!(!migrator.repair().await.unwrap().digest_rebuilt);
    fresh.pass().await;
}
