//! `doctor` on real servers: what it finds is so, and it changes nothing.

use mongrate::{
    DoctorCheck, DoctorFinding, DoctorReport, DoctorVerdict, Error, Kind, Migration, Migrator,
    bson::{Document, Timestamp, doc},
    embedded::Embedded,
    mongodb::Client,
};
use mongrate_tests::{
    TestDb, effect,
    lookalike::{Lookalike, Product},
};

fn of(report: &DoctorReport, check: DoctorCheck) -> &DoctorFinding {
    let found = report.findings.iter().filter(|finding| finding.check == check);
    found.max_by_key(|finding| finding.verdict).unwrap()
}

const RENAME: Migration = Migration::declared(2, "rename", |change| {
    change.rename_field("users", "name", "full_name");
});

#[tokio::test]
async fn a_server_of_the_tests_is_healthy_and_nothing_is_written() {
    let fresh = TestDb::new("doctor_healthy").await;
    let users = fresh.db.collection::<Document>("users");
    users.insert_many((0..3).map(|id| doc! { "_id": id, "name": "a" })).await.unwrap();
    let migrator = fresh.migrator([effect!(1), RENAME]);
    fresh.wire.take();
    let report = migrator.doctor().await.unwrap();
    let sent = fresh.wire.take();
    assert!(report.refused().is_none() && report.is_healthy(), "{report:#?}");
    assert_eq!(report.server.product, "MongoDB");
    for known in [
        report.server.majority_ms,
        report.server.transaction_lifetime_s,
        report.server.oplog_window_s,
        report.server.cache_bytes,
    ] {
        assert!(known.is_some(), "{:?}", report.server);
    }
    assert!(report.server.feature_version.is_some() && report.server.user.is_none());
    // On one machine there is one clock.
    assert!(report.server.clock_ahead_ms.unwrap().abs() < 2_000, "{:?}", report.server);
    let oplog = of(&report, DoctorCheck::Oplog);
    assert!(oplog.found.contains("2 `rename` rewrites 3 documents"), "{oplog:?}");
    // Each check is there.
    let checks = [
        DoctorCheck::Server,
        DoctorCheck::Topology,
        DoctorCheck::Right,
        DoctorCheck::ControlCollection,
        DoctorCheck::History,
        DoctorCheck::Policies,
        DoctorCheck::KillSessions,
        DoctorCheck::WriteConcern,
        DoctorCheck::Majority,
        DoctorCheck::Clock,
        DoctorCheck::TransactionLifetime,
        DoctorCheck::Oplog,
        DoctorCheck::Cache,
        DoctorCheck::Features,
    ];
    for check in checks {
        assert!(of(&report, check).verdict < DoctorVerdict::Unknown, "{:?}", of(&report, check));
    }
    let reads = [
        "hello",
        "buildInfo",
        "connectionStatus",
        "find",
        "getParameter",
        "getDefaultRWConcern",
        "killSessions",
        "serverStatus",
        "count",
        "commitTransaction",
        "replSetGetConfig",
        "collStats",
    ];
    assert!(sent.iter().all(|name| reads.contains(&name.as_str())), "{sent:?}");
    assert!(sent.len() <= 22, "{sent:?}");
    assert_eq!(fresh.db.list_collection_names().await.unwrap(), ["users"]);
    fresh.pass().await;
}

/// What the finding says the server refuses, it refuses; and what is not mentioned works.
#[tokio::test]
async fn what_this_version_does_not_know_is_found_before_it_is_tried() {
    const FAR: Migration = Migration::declared(2, "far", |change| {
        change.create_index("users", doc! { "$**": 1, "a": 1 });
    });
    const SERIES: Migration = Migration::declared(3, "series", |change| {
        change.create_collection("weather").time_series("at");
    });
    const HIDDEN: Migration = Migration::declared(4, "hidden", |change| {
        change.create_index("users", doc! { "a": 1 }).hidden(true);
    });
    for migration in [FAR, SERIES, HIDDEN] {
        let fresh = TestDb::new("doctor_features").await;
        let migrator = fresh.migrator([effect!(1), migration]);
        let report = migrator.doctor().await.unwrap();
        let refused = migrator.up().await.err();
        let found = of(&report, DoctorCheck::Features);
        let name = migration.name();
        assert_eq!(
            refused.is_some(),
            found.verdict == DoctorVerdict::Error,
            "{name}: {found:?} {refused:?}"
        );
        if refused.is_some() {
            // With the exit code of the run.
            assert_eq!(report.refused(), refused.map(|error| error.kind()));
            assert!(found.of.as_deref().unwrap().contains(name), "{found:?}");
        }
        fresh.pass().await;
    }
}

#[tokio::test]
async fn a_standalone_is_a_finding_and_no_failure() {
    let standalone = Embedded::builder().standalone().start().await.unwrap();
    let fresh = TestDb::on(standalone.uri(), "doctor_standalone").await;
    let report = fresh.migrator([effect!(1)]).doctor().await.unwrap();
    assert_eq!(report.refused(), Some(Kind::Unavailable));
    let found = of(&report, DoctorCheck::Topology);
    assert_eq!(found.verdict, DoctorVerdict::Error);
    assert!(found.way_out.as_deref().unwrap().contains("--replSet"));
    // The migration is not called unknown, and neither is the rest of the server.
    assert_eq!(of(&report, DoctorCheck::Server).verdict, DoctorVerdict::Ok);
    assert!(fresh.db.list_collection_names().await.unwrap().is_empty());
    drop(fresh);
    standalone.stop().await;
}

#[tokio::test]
async fn a_collection_of_another_tool_is_found() {
    let fresh = TestDb::new("doctor_foreign").await;
    fresh.db.collection("migrations").insert_one(doc! { "name": "001_init.js" }).await.unwrap();
    let report = fresh.migrator([effect!(1)]).doctor().await.unwrap();
    assert_eq!(report.refused(), Some(Kind::NeedsOperator));
    let found = of(&report, DoctorCheck::ControlCollection);
    assert_eq!(found.verdict, DoctorVerdict::Error, "{found:?}");
    assert!(!format!("{report:?}").contains("001_init.js"), "{report:#?}");
    let run = fresh.migrator([effect!(1)]).up().await.unwrap_err();
    assert_eq!(report.refused(), Some(run.kind()));
    fresh.db.collection::<Document>("migrations").drop().await.unwrap();
    fresh.pass().await;
}

/// A history that every run refuses is an error, with the exit code of the run.
#[tokio::test]
async fn a_history_that_does_not_fit_is_found() {
    let fresh = TestDb::new("doctor_history").await;
    fresh.migrator([effect!(1), effect!(3)]).up().await.unwrap();
    let other = Migration::transactional(1, "other", |_| Box::pin(async { Ok(()) }));
    let edited = effect!(1).with_checksum("v1:edited");
    for list in [vec![other], vec![edited, effect!(3)], vec![effect!(1), effect!(2), effect!(3)]] {
        let migrator = fresh.migrator(list);
        let report = migrator.doctor().await.unwrap();
        let run = migrator.up().await.unwrap_err();
        let found = of(&report, DoctorCheck::History);
        assert_eq!(
            (found.verdict, found.refused),
            (DoctorVerdict::Error, Some(run.kind())),
            "{run}"
        );
    }
    // A record that cannot be read.
    let control = fresh.db.collection::<Document>("migrations");
    control.update_one(doc! { "_id": 3_i64 }, doc! { "$set": { "state": 5 } }).await.unwrap();
    let migrator = fresh.migrator([effect!(1), effect!(3), effect!(4)]);
    let report = migrator.doctor().await.unwrap();
    let run = migrator.up().await.unwrap_err();
    assert_eq!(report.refused(), Some(run.kind()), "{run}");
    assert_eq!(of(&report, DoctorCheck::ControlCollection).verdict, DoctorVerdict::Error);
    control.drop().await.unwrap();
    fresh.pass().await;
}

/// The client's own concerns count no more than they do in a run.
#[tokio::test]
async fn a_client_that_reads_from_secondaries_is_measured_all_the_same() {
    let fresh = TestDb::new("doctor_secondary").await;
    let uri = format!("{}&readPreference=secondaryPreferred&readConcernLevel=available", fresh.uri);
    let db = Client::with_uri_str(uri).await.unwrap().database(fresh.db.name());
    let report = Migrator::with(&db, [effect!(1)]).doctor().await.unwrap();
    assert_eq!(of(&report, DoctorCheck::Majority).verdict, DoctorVerdict::Ok, "{report:#?}");
    fresh.pass().await;
}

/// A service that offers little beyond what migrations need: what it refuses to tell is unknown, what it
/// refuses to do is a warning, and nothing of it ends the verb.
#[tokio::test]
async fn a_service_that_refuses_most_is_described_as_far_as_it_can_be() {
    let time = Timestamp { time: 1_700_000_000, increment: 1 };
    let cluster_time = doc! { "clusterTime": time, "signature": { "keyId": 0_i64 } };
    let refused = |name| (name, 8_000, "this command is not allowed in this tier");
    let product = Product {
        hello: doc! { "setName": "rs0", "hosts": ["a:1", "b:1", "c:1"] },
        build_info: doc! { "version": "8.0.4" },
        every: doc! { "operationTime": time, "$clusterTime": cluster_time },
        refuses: vec![
            refused("connectionStatus"),
            refused("killSessions"),
            refused("getParameter"),
            refused("getDefaultRWConcern"),
            refused("serverStatus"),
            ("startTransaction", 263, "this command is not allowed in this tier"),
        ],
    };
    let server = Lookalike::start(product).await;
    let db = Client::with_uri_str(&server.uri).await.unwrap().database("shop");
    let report = Migrator::with(&db, [effect!(1), RENAME]).doctor().await.unwrap();
    assert_eq!(report.refused(), None, "{report:#?}");
    assert!(!report.is_healthy());
    for (check, verdict) in [
        (DoctorCheck::Server, DoctorVerdict::Warning),
        (DoctorCheck::KillSessions, DoctorVerdict::Warning),
        (DoctorCheck::Right, DoctorVerdict::Unknown),
        (DoctorCheck::Majority, DoctorVerdict::Unknown),
        (DoctorCheck::Clock, DoctorVerdict::Unknown),
        (DoctorCheck::Cache, DoctorVerdict::Unknown),
    ] {
        let found = of(&report, check);
        assert_eq!(found.verdict, verdict, "{found:?}");
        // The service's own words are not in a report that is shown over HTTP.
        assert!(!format!("{found:?}").contains("tier"), "{found:?}");
    }
}

#[tokio::test]
async fn a_server_out_of_reach_is_the_error_of_every_verb() {
    let uri = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=300";
    let db = Client::with_uri_str(uri).await.unwrap().database("shop");
    let error = Migrator::with(&db, [effect!(1)]).doctor().await.unwrap_err();
    assert!(matches!(error, Error::Server { .. }), "{error}");
    assert_eq!(error.kind().exit_code(), 69);
}
