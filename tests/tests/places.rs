//! The places of migrations that the README names, in real apps on a real server: two crates of
//! their own, and the app's own `mod migrations`.

use mongrate::bson::{Document, doc};
use mongrate_tests::{Fresh, app::App};

#[tokio::test]
async fn two_crates_of_migrations_apply_as_one_history() {
    let fresh = Fresh::new("two_crates").await;
    let app = App { exe: env!("CARGO_BIN_EXE_two_crates"), fresh: &fresh };
    assert_eq!(app.applies(), ["1 add_users", "2 add_invoices", "3 add_plans"]);
    for collection in ["users", "invoices", "plans"] {
        assert_eq!(documents(&fresh, collection).await, 1, "{collection}");
    }
    assert_eq!(app.applies(), [""; 0], "a second run finds nothing to do");
    assert!(app.run(&["down", "--all", "--yes"]).status.success());
    for collection in ["users", "invoices", "plans"] {
        assert_eq!(documents(&fresh, collection).await, 0, "{collection}");
    }
    fresh.pass().await;
}

#[tokio::test]
async fn migrations_in_the_apps_own_module_apply() {
    let fresh = Fresh::new("own_module").await;
    let app = App { exe: env!("CARGO_BIN_EXE_own_module"), fresh: &fresh };
    assert_eq!(app.applies(), ["1 add_clinics", "2 index_clinics"]);
    assert_eq!(documents(&fresh, "clinics").await, 1);
    assert!(app.run(&["check"]).status.success());
    fresh.pass().await;
}

async fn documents(fresh: &Fresh, collection: &str) -> u64 {
    fresh.db.collection::<Document>(collection).count_documents(doc! {}).await.unwrap()
}
