//! Five instances of the service at once: each migration is applied once, and all of them start.

use mongrate::bson::doc;
use mongrate_tests::TestDb;
use shop_migrations as _;
use tokio::process::Command;

#[tokio::test]
async fn instances_that_start_at_once_migrate_once() {
    let fresh = TestDb::new("workspace_api").await;
    let start = || {
        Command::new(env!("CARGO_BIN_EXE_mongrate-example-workspace-api"))
            .env("MONGODB_URI", &fresh.uri)
            .env("MONGODB_DATABASE", fresh.db.name())
            .env_remove("MIGRATE_ON_START")
            .spawn()
            .unwrap()
    };
    let all: Vec<_> = (0..5).map(|_| start()).collect();
    for mut instance in all {
        assert!(instance.wait().await.unwrap().success());
    }
    let history = mongrate::Migrator::new(&fresh.db).history().await.unwrap();
    let applied = history.events.iter().filter(|event| event.event == "applied").count();
    assert_eq!(applied, 2, "{history:#?}");
    let settings = fresh.db.collection::<mongrate::bson::Document>("settings");
    assert_eq!(settings.count_documents(doc! { "open": true }).await.unwrap(), 1);
    let orders = fresh.db.collection::<mongrate::bson::Document>("orders");
    let indexes = orders.list_index_names().await.unwrap();
    assert!(indexes.contains(&"customer_1".to_owned()), "{indexes:?}");

    // And back: nothing is left of them.
    mongrate::Migrator::new(&fresh.db).down().all().await.unwrap();
    assert_eq!(settings.count_documents(doc! {}).await.unwrap(), 0);
    let names = fresh.db.list_collection_names().await.unwrap();
    assert!(!names.contains(&"orders".to_owned()), "{names:?}");
    fresh.pass().await;
}
