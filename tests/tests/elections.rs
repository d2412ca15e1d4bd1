//! A replica set of three that elects, and one that cannot.

use std::time::Duration;

use mongrate::{
    Kind, Migration, Retries,
    bson::doc,
    embedded::Embedded,
    mongodb::{Client, options::ClientOptions},
};
use mongrate_tests::{
    TestDb,
    effects::{self, TWENTY, assert_exactly_once},
};

/// The twenty, each taking its time, so that an election comes in the middle of one.
fn slow() -> Vec<Migration> {
    let first = Migration::transactional(1, "effect_1", |tx| {
        Box::pin(async move {
            effects::leave(tx, 1).await?;
            tokio::time::sleep(Duration::from_millis(400)).await;
            Ok(())
        })
    });
    std::iter::once(first).chain(TWENTY.into_iter().skip(1)).collect()
}

#[tokio::test]
async fn an_election_in_the_middle_of_a_run_changes_nothing() {
    let set = Embedded::builder().nodes(3).start().await.unwrap();
    for round in 0..3 {
        let fresh = TestDb::on(set.uri(), &format!("an_election_{round}")).await;
        // The collection that all of them write: concurrent creation is another test's.
        fresh.db.create_collection(effects::EFFECTS).await.unwrap();
        let migrator = fresh.migrator(slow()).lease(Duration::from_secs(30));
        let running = tokio::spawn({
            let migrator = migrator.clone();
            async move { migrator.up().await }
        });
        tokio::time::sleep(Duration::from_millis(50 + 150 * round)).await;
        let step_down =
            doc! { "replSetStepDown": 5, "secondaryCatchUpPeriodSecs": 5, "force": true };
        let admin = fresh.db.client().database("admin");
        // The connection may end with it.
        let _ = admin.run_command(step_down).await;
        let report = running.await.unwrap().unwrap();
        assert_eq!(report.done().count(), 20, "round {round}");
        assert_exactly_once(&fresh.db, 1..=20).await;
        assert!(migrator.up().await.unwrap().is_empty());
        fresh.pass().await;
    }
    set.stop().await;
}

#[tokio::test]
async fn a_set_without_a_majority_is_a_clear_error() {
    let set = Embedded::builder().nodes(3).start().await.unwrap();
    let fresh = TestDb::on(set.uri(), "without_a_majority").await;
    let mut options = ClientOptions::parse(set.uri()).await.unwrap();
    options.server_selection_timeout = Some(Duration::from_secs(2));
    let db = Client::with_options(options).unwrap().database(fresh.db.name());
    let migrator = mongrate::Migrator::with(&db, TWENTY)
        .retries(Retries::new().attempts_max(2).pause_max(Duration::from_millis(50)));
    migrator.status().await.unwrap();
    set.kill_node(0).await.unwrap();
    set.kill_node(1).await.unwrap();
    // The last one gives up being primary, if it was, within its election timeout.
    let error = loop {
        match migrator.up().await {
            Err(error) => break error,
            Ok(report) => assert!(report.is_empty(), "nothing can be committed: {report:?}"),
        }
    };
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
    assert!(error.to_string().contains("no server that takes writes"), "{error}");
    set.stop().await;
}
