//! The service as a process: its own port answers once the database is migrated, the side port has the dashboard
//! before that, and Ctrl-C ends both, and a migration in flight.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{process::ExitStatus, time::Duration};

use mongrate::bson::Document;
use mongrate_tests::{
    TestDb, effect, on_servers,
    service::{HeldUp, first, free_port, get, signal},
};
use tokio::process::{Child, Command};

const TOKEN: &str = "a-token-of-the-test";

fn service(port: u16, ops: u16, uri: &str, fresh: &TestDb) -> Child {
    Command::new(env!("CARGO_BIN_EXE_mongrate-example-actix-web"))
        .env("LISTEN", format!("127.0.0.1:{port}"))
        .env("OPS_LISTEN", format!("127.0.0.1:{ops}"))
        .env("OPS_TOKEN", TOKEN)
        .env("MONGODB_URI", uri)
        .env("MONGODB_DATABASE", fresh.db.name())
        .env_remove("MIGRATE_ON_START")
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn ended(service: &mut Child) -> ExitStatus {
    let ended = tokio::time::timeout(Duration::from_secs(60), service.wait()).await;
    ended.expect("the service goes on").unwrap()
}

#[tokio::test]
async fn it_serves_when_it_has_migrated() {
    let fresh = TestDb::new("actix_web").await;
    let (port, ops) = (free_port(), free_port());
    let mut service = service(port, ops, &fresh.uri, &fresh);
    // Its first answer of all: the port was not open before the migration was applied.
    assert_eq!(first(port, "/greeting", TOKEN).await, (200, "hello".to_owned()));
    let (status, text) = get(ops, "/api/migrations/status", TOKEN).await.unwrap();
    assert_eq!(status, 200, "{text}");
    assert!(text.contains(r#""state":"applied""#), "{text}");
    assert_eq!(
        get(port, "/api/migrations/status", TOKEN).await.unwrap().0,
        404,
        "not on the service's own port"
    );

    // actix-web obeys SIGTERM by itself; the side port ends with it.
    signal(&service, "-TERM").await;
    assert!(ended(&mut service).await.success());
    fresh.pass().await;
}

#[tokio::test]
async fn the_side_port_shows_a_migration_in_flight_and_ctrl_c_ends_it() {
    // A fail point is a whole server's.
    on_servers(1, async |uri| {
        let fresh = TestDb::on(uri, "actix_web_stopped").await;
        let held_up = HeldUp::insert_of("actix", &fresh).await;
        let (port, ops) = (free_port(), free_port());
        let mut service = service(port, ops, &held_up.uri, &fresh);
        held_up.is_there().await;
        let (status, text) = get(ops, "/api/migrations/status", TOKEN).await.unwrap();
        assert_eq!(status, 200, "{text}");
        assert!(text.contains(r#""held":true"#), "{text}");
        assert_eq!(get(port, "/greeting", TOKEN).await, None, "it is not ready");
        signal(&service, "-INT").await;
        assert!(!ended(&mut service).await.success());
        let migrator = fresh.migrator([effect!(1)]);
        assert!(!migrator.lock_status().await.unwrap().held, "the lock is free again");
        let greetings = fresh.db.collection::<Document>("greetings");
        assert_eq!(greetings.count_documents(Document::new()).await.unwrap(), 0);
        fresh.pass().await;
    })
    .await;
}
