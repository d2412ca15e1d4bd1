//! The service as a process, beside another process that migrates: not ready until the migrations are done,
//! but the dashboard's interface answers. And Ctrl-C in the middle of a migration.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use mongrate::{Migration, bson::Document};
use mongrate_tests::{
    TestDb, effect, on_servers,
    service::{HeldUp, free_port, get, signal, until},
};
use tokio::{
    process::{Child, Command},
    sync::Notify,
};

static INSIDE: Notify = Notify::const_new();
static GO: Notify = Notify::const_new();

const TOKEN: &str = "a-token-of-the-test";

fn service(port: u16, uri: &str, fresh: &TestDb) -> Child {
    Command::new(env!("CARGO_BIN_EXE_mongrate-example-axum"))
        .env("LISTEN", format!("127.0.0.1:{port}"))
        .env("MONGODB_URI", uri)
        .env("MONGODB_DATABASE", fresh.db.name())
        .env("OPS_TOKEN", TOKEN)
        .env_remove("MIGRATE_ON_START")
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn not_ready_until_the_migrations_are_done() {
    let fresh = TestDb::new("axum").await;
    // Another process migrates, and takes its time.
    let slow = Migration::transactional(20_250_122_001, "greet", |_| {
        Box::pin(async {
            INSIDE.notify_one();
            GO.notified().await;
            Err("gives up".into())
        })
    });
    let other = fresh.migrator([slow]);
    let migrating = tokio::spawn(async move { other.up().await });
    INSIDE.notified().await;

    let port = free_port();
    let mut service = service(port, &fresh.uri, &fresh);
    until(port, "/alive", TOKEN, 200).await;
    assert_eq!(get(port, "/ready", TOKEN).await.unwrap().0, 503);
    let (status, text) = get(port, "/api/migrations/status", TOKEN).await.unwrap();
    assert_eq!(status, 200, "{text}");
    assert!(text.contains(r#""held":true"#), "{text}");

    GO.notify_one();
    migrating.await.unwrap().unwrap_err();
    until(port, "/ready", TOKEN, 200).await;
    assert_eq!(get(port, "/greeting", TOKEN).await.unwrap(), (200, "hello".to_owned()));
    let (_, text) = get(port, "/api/migrations/status", TOKEN).await.unwrap();
    assert!(text.contains(r#""state":"applied""#), "{text}");
    assert!(text.contains(r#""app":"shop 0.1.0""#), "{text}");
    signal(&service, "-INT").await;
    assert!(service.wait().await.unwrap().success());
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_a_run_in_flight_in_order() {
    // A fail point is a whole server's.
    on_servers(1, async |uri| {
        let fresh = TestDb::on(uri, "axum_stopped").await;
        let held_up = HeldUp::insert_of("axum", &fresh).await;
        let port = free_port();
        let mut service = service(port, &held_up.uri, &fresh);
        held_up.is_there().await;
        assert_eq!(get(port, "/ready", TOKEN).await.unwrap().0, 503);
        signal(&service, "-INT").await;
        assert!(!service.wait().await.unwrap().success());
        let migrator = fresh.migrator([effect!(1)]);
        assert!(!migrator.lock_status().await.unwrap().held, "the lock is free again");
        let greetings = fresh.db.collection::<Document>("greetings");
        assert_eq!(greetings.count_documents(Document::new()).await.unwrap(), 0);
        fresh.pass().await;
    })
    .await;
}
