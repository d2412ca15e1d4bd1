//! Twelve tenants, one of which has a document in the way: the others are migrated, and this one after it was
//! corrected.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use mongrate::{
    Kind,
    bson::{Document, doc},
};
use mongrate_example_multi_tenant::{PREFIX, migrate, migrate_all, tenants};
use mongrate_tests::TestDb;
use tokio::process::Command;

/// The exit code of the program, and what it prints to both streams.
async fn program(fresh: &TestDb, tenants: &[String]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mongrate-example-multi-tenant"))
        .args(tenants)
        .env("MONGODB_URI", &fresh.uri)
        .output()
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn a_tenant_that_fails_does_not_hold_the_others_back() {
    let fresh = TestDb::new("tenants").await;
    let client = fresh.db.client().clone();
    let all: Vec<String> = (0..12).map(|at| format!("{PREFIX}{at}_{}", fresh.db.name())).collect();
    let bad = all[0].clone();
    let in_the_way = client.database(&bad).collection::<Document>("settings");
    in_the_way.insert_one(doc! { "_id": "shop", "open": false }).await.unwrap();

    // Two processes at the same time.
    let (one, other) =
        tokio::join!(migrate_all(&client, all.clone()), migrate_all(&client, all.clone()));
    assert_eq!((one.len(), other.len()), (all.len(), all.len()), "each is told of");
    for done in one.iter().chain(&other) {
        assert_eq!(done.result.is_err(), done.tenant == bad, "{done:?}");
    }
    for tenant in all.iter().filter(|tenant| **tenant != bad) {
        let settings = client.database(tenant).collection::<Document>("settings");
        assert_eq!(settings.count_documents(doc! { "open": true }).await.unwrap(), 1, "{tenant}");
    }
    let found = tenants(&client).await.unwrap();
    assert!(all.iter().all(|tenant| found.contains(tenant)), "{found:?}");

    in_the_way.delete_one(doc! { "_id": "shop" }).await.unwrap();
    assert_eq!(migrate(&client, &bad).await.unwrap().done().count(), 1);

    // The program names who failed, and its exit code says that one did.
    let (code, said, complaint) = program(&fresh, &all).await;
    assert_eq!(code, 0, "{complaint}");
    assert!(all.iter().all(|tenant| said.contains(&format!("{tenant}: 0 applied"))), "{said}");
    let worse = format!("{PREFIX}worse_{}", fresh.db.name());
    let settings = client.database(&worse).collection::<Document>("settings");
    settings.insert_one(doc! { "_id": "shop", "open": false }).await.unwrap();
    let (code, said, complaint) = program(&fresh, &[worse.clone(), all[1].clone()]).await;
    assert_eq!(code, i32::from(Kind::Failed.exit_code()), "{said}");
    assert!(complaint.contains(&format!("{worse}: ")), "{complaint}");
    assert!(said.contains(&format!("{}: 0 applied", all[1])), "{said}");
    client.database(&worse).drop().await.unwrap();

    // Nothing is pending anywhere: one command for each tenant, however long its history is.
    fresh.wire.take();
    let idle = migrate_all(&client, all.clone()).await;
    assert!(idle.iter().all(|done| done.result.as_ref().is_ok_and(|run| run.steps.is_empty())));
    assert_eq!(fresh.wire.take(), vec!["find"; all.len()]);

    for tenant in &all {
        client.database(tenant).drop().await.unwrap();
    }
    fresh.pass().await;
}
