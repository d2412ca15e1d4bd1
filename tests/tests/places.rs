//! The places of migrations that the guides name, in real apps on a real server: two crates of
//! their own, and the app's own `mod migrations`.

use mongrate::bson::{Document, doc};
use mongrate_tests::{TestDb, app::App};

#[tokio::test]
async fn two_crates_of_migrations_apply_as_one_history() {
    let fresh = TestDb::new("two_crates").await;
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
    let fresh = TestDb::new("own_module").await;
    let app = App { exe: env!("CARGO_BIN_EXE_own_module"), fresh: &fresh };
    assert_eq!(app.applies(), ["1 add_clinics", "2 index_clinics"]);
    assert_eq!(documents(&fresh, "clinics").await, 1);
    assert!(app.run(&["check"]).status.success());
    fresh.pass().await;
}

/// Sealed by their source and compiled from what the compiler makes of it: a macro below the
/// attribute, one that a feature adds, `\r\n` in strings, raw names, the attribute renamed.
#[tokio::test]
async fn what_might_be_read_in_two_ways_is_sealed_compiled_applied_and_started_again() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/spellings/Cargo.toml");
    let check = ["cargo-mongrate", "mongrate", "check", "--manifest-path", manifest];
    let code = cargo_mongrate::run(check.map(std::ffi::OsString::from));
    assert_eq!(code, std::process::ExitCode::SUCCESS);

    let fresh = TestDb::new("spellings").await;
    let app = App { exe: env!("CARGO_BIN_EXE_spellings"), fresh: &fresh };
    assert_eq!(
        app.applies(),
        ["1 traced", "2 under_a_feature", "3 line_ends", "4 raw_names", "5 another_name"]
    );
    let text = fresh.db.collection::<Document>("spellings").find_one(doc! { "_id": 3 }).await;
    let text = text.unwrap().unwrap();
    assert_eq!(text.get_str("raw").unwrap(), "first\nsecond", "as the compiler reads it");
    assert_eq!(text.get_str("continued").unwrap(), "first and\nsecond");
    assert_eq!(text.get_i32("bytes").unwrap(), 12);
    assert_eq!(documents(&fresh, "spellings").await, 5);

    let sealed = std::fs::read_to_string(manifest.replace("Cargo.toml", "migrations.sum")).unwrap();
    for line in sealed.lines().skip(1) {
        let words: Vec<&str> = line.split(' ').collect();
        let version: i64 = words[1].parse().unwrap();
        let records = fresh.db.collection::<Document>("migrations");
        let record = records.find_one(doc! { "_id": version }).await.unwrap().unwrap();
        assert_eq!(record.get_str("checksum").unwrap(), words[3], "{version}");
    }
    assert_eq!(app.applies(), [""; 0], "a second start finds nothing to do");
    assert!(app.run(&["check"]).status.success());
    fresh.pass().await;
}

async fn documents(fresh: &TestDb, collection: &str) -> u64 {
    fresh.db.collection::<Document>(collection).count_documents(doc! {}).await.unwrap()
}
