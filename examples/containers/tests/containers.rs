//! Both ways to test on the server of a container. What stands for the container here is an embedded server of its
//! own, by the URI that testcontainers would give.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use mongrate::{
    Migrator,
    bson::{Document, doc},
    embedded::Embedded,
    mongodb::Client,
    testing::{self, Database, TestError},
};
use mongrate_example_containers as _;

/// A server of its own: `Mongo::repl_set().start()` where there are containers.
async fn container() -> (Embedded, String) {
    let server = Embedded::builder().test_commands().private().quiet(true).start().await.unwrap();
    let host_and_port = server.hosts().remove(0);
    let uri = format!("mongodb://{host_and_port}/?directConnection=true");
    (server, uri)
}

/// The first way: the testing kit. Each test has a database of its own on the server that `MONGODB_URI` names.
#[mongrate::test(at = 20250122001)]
async fn old_users_get_a_plan(db: Database) -> Result<(), TestError> {
    let users = db.collection::<Document>("users");
    users.insert_one(doc! { "email": "anna@example.org" }).await?;
    db.migrate_to(20250122002).await?;
    let anna = users.find_one(doc! { "plan": "free" }).await?;
    assert!(anna.is_some());
    Ok(())
}

#[mongrate::test(at = 20250122001)]
async fn every_rollback_gives_back_what_was_there(db: Database) -> Result<(), TestError> {
    let users = db.collection::<Document>("users");
    users.insert_one(doc! { "email": "anna@example.org" }).await?;
    let tried = testing::round_trip(&db).await?;
    assert!(tried.irreversible.is_empty());
    Ok(())
}

/// The second way: the test starts the container, and migrates a database of it.
#[tokio::test]
async fn a_container_of_the_tests_own() {
    let (server, uri) = container().await;
    let db = Client::with_uri_str(&uri).await.unwrap().database("shop");
    let report = Migrator::new(&db).up().await.unwrap();
    assert_eq!(report.done().count(), 2);
    let users = db.collection::<Document>("users");
    users.insert_one(doc! { "email": "anna@example.org" }).await.unwrap();
    users.insert_one(doc! { "email": "anna@example.org" }).await.unwrap_err();
    server.stop().await;
}

/// The tests of the kit once more, in a process that gets the URI from its environment.
#[tokio::test]
async fn the_kit_uses_the_server_that_the_environment_names() {
    let (server, uri) = container().await;
    let inserts = async || {
        let admin = Client::with_uri_str(&uri).await.unwrap().database("admin");
        let status = admin.run_command(doc! { "serverStatus": 1 }).await.unwrap();
        let counts = status.get_document("opcounters").unwrap().clone();
        counts.get_i64("insert").or_else(|_| counts.get_i32("insert").map(i64::from)).unwrap()
    };
    let before = inserts().await;
    let output = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "old_users_get_a_plan", "every_rollback_gives_back_what_was_there"])
        .env("MONGODB_URI", &uri)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("2 passed"), "{output:?}");
    assert!(inserts().await > before, "the tests ran on this server");
    server.stop().await;
}
