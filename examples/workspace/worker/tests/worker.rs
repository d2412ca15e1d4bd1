//! The service does not start while a migration of the shared crate is pending, and changes nothing.

use mongrate::{Kind, Migrator};
use mongrate_tests::TestDb;
use shop_migrations as _;
use tokio::process::Command;

#[tokio::test]
async fn it_starts_when_nothing_is_pending() {
    let fresh = TestDb::new("workspace_worker").await;
    let start = async || {
        Command::new(env!("CARGO_BIN_EXE_mongrate-example-workspace-worker"))
            .env("MONGODB_URI", &fresh.uri)
            .env("MONGODB_DATABASE", fresh.db.name())
            .env_remove("MIGRATE_ON_START")
            .output()
            .await
            .unwrap()
    };
    let early = start().await;
    assert_eq!(early.status.code(), Some(i32::from(Kind::Pending.exit_code())), "{early:?}");
    let names = fresh.db.list_collection_names().await.unwrap();
    assert!(names.is_empty(), "{names:?}");

    // As the other service does when it starts.
    Migrator::new(&fresh.db).up().await.unwrap();
    let later = start().await;
    assert!(later.status.success(), "{later:?}");
    fresh.pass().await;
}
