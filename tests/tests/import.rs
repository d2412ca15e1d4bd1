//! Histories of other tools: of two that run here, and of two as their documentation describes
//! them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use mongrate::{
    Error, Migration, State, Tool, Version,
    bson::{DateTime, Document, doc},
    mongodb::options::WriteConcern,
};
use mongrate_tests::{TestDb, effects::present};
use serde_json::Value;

/// None of them may run.
const fn migration(version: i64, name: &'static str) -> Migration {
    Migration::transactional(version, name, |tx| {
        Box::pin(async move { mongrate_tests::effects::leave(tx, 0).await })
    })
}

const OURS: [Migration; 3] = [
    migration(1, "add_users"),
    migration(20_240_102_000_000, "index_users"),
    migration(30, "drop_names"),
];

fn versions(report: &mongrate::ImportReport) -> Vec<i64> {
    report.imported.iter().map(|imported| imported.version.get()).collect()
}

/// Another tool's program, to its end.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A project of migrate-mongo with these migrations.
fn migrate_mongo(place: &Path, fresh: &TestDb, names: &[&str]) {
    let npm = |args: &[&str]| {
        let mut command = Command::new("npm");
        command.current_dir(place).args(args).args(["--no-audit", "--no-fund", "--loglevel=error"]);
        run(&mut command);
    };
    std::fs::write(place.join("package.json"), r#"{ "private": true }"#).unwrap();
    npm(&["install", "migrate-mongo@11.0.0", "mongodb@5.9.2"]);
    let config = format!(
        "module.exports = {{ mongodb: {{ url: {:?}, databaseName: {:?}, options: {{}} }}, \
         migrationsDir: 'migrations', changelogCollectionName: 'changelog', \
         migrationFileExtension: '.js', useFileHash: false, moduleSystem: 'commonjs' }};",
        fresh.uri,
        fresh.db.name(),
    );
    std::fs::write(place.join("migrate-mongo-config.js"), config).unwrap();
    std::fs::create_dir(place.join("migrations")).unwrap();
    for name in names {
        let body = "module.exports = { async up(db) { await db.collection('users')\
                    .insertOne({ theirs: true }); }, async down() {} };";
        std::fs::write(place.join("migrations").join(name), body).unwrap();
    }
}

#[tokio::test]
async fn what_migrate_mongo_wrote_is_taken_over() {
    let fresh = TestDb::new("from_migrate_mongo").await;
    let place = tempfile::tempdir().unwrap();
    let names =
        ["20230101000000-add-users.js", "20240102000000-index_users.js", "20240103000000-odd.js"];
    migrate_mongo(place.path(), &fresh, &names);
    let mut tool = Command::new(place.path().join("node_modules/.bin/migrate-mongo"));
    let said = run(tool.current_dir(place.path()).arg("up"));
    assert_eq!(said.matches("MIGRATED UP").count(), 3, "{said}");

    let migrator = fresh.migrator(OURS);
    let preview = migrator.import(Tool::MigrateMongo).preview().await.unwrap();
    assert_eq!(versions(&preview), [1, 20_240_102_000_000]);
    assert_eq!(preview.unmatched, ["20240103000000-odd.js"]);
    assert!(
        !preview.written && preview.imported.iter().all(|imported| imported.applied_at.is_some())
    );
    assert_eq!(migrator.status().await.unwrap().applied, 0, "a preview writes nothing");

    // One of theirs is none of ours: refused as a whole.
    let error = migrator.import(Tool::MigrateMongo).await.unwrap_err();
    assert!(matches!(error, Error::Import { .. }), "{error}");
    assert!(error.to_string().contains("`20240103000000-odd.js` matches no migration"), "{error}");
    assert_eq!(migrator.status().await.unwrap().applied, 0);
    assert!(!migrator.lock_status().await.unwrap().held);

    let mapping = [("20240103000000-odd.js".to_owned(), Some(Version::new(30)))];
    let report = migrator.import(Tool::MigrateMongo).mapping(mapping.clone()).await.unwrap();
    assert_eq!(versions(&report), [1, 30, 20_240_102_000_000]);
    let status = migrator.status().await.unwrap();
    assert!(
        status.migrations.iter().all(|migration| migration.state == State::Applied),
        "{status:?}"
    );
    assert!(migrator.up().await.unwrap().is_empty());
    assert_eq!(present(&fresh.db).await, [0_i64; 0], "none was run");
    let history = migrator.history().await.unwrap();
    assert!(history.events.iter().all(|event| event.event == "imported"), "{history:?}");
    assert_eq!(history.events.len(), 3);

    // Once more: there is nothing to record.
    let again = migrator.import(Tool::MigrateMongo).mapping(mapping).await.unwrap();
    assert_eq!((versions(&again).len(), again.already.len()), (0, 3));
    fresh.pass().await;
}

/// The program with it that the benchmarks measure, as quick to build as can be: it has a driver of
/// its own.
fn mongodb_migrator() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mongodb_migrator");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(Command::new(cargo)
        .args(["build", "--locked", "--quiet", "--config", "profile.dev.debug=false"])
        .current_dir(root.join("benches/peers/mongodb_migrator"))
        .env("CARGO_TARGET_DIR", &target));
    target.join("debug/peer-mongodb-migrator")
}

#[tokio::test]
async fn what_mongodb_migrator_wrote_is_taken_over() {
    const NAMED_AS_THEIRS: [Migration; 4] = [
        migration(1, "m0000001"),
        migration(2, "m0000002"),
        migration(3, "m0000003"),
        migration(4, "ours"),
    ];
    let program = tokio::task::spawn_blocking(mongodb_migrator).await.unwrap();
    let fresh = TestDb::new("from_mongodb_migrator").await;
    let output = Command::new(program)
        .args([&fresh.uri, fresh.db.name(), "3", "3"])
        .output()
        .unwrap_or_else(|error| panic!("mongodb-migrator: {error}"));
    assert!(!output.status.success(), "its third one fails: {output:?}");
    let things = fresh.db.collection::<Document>("things");
    assert_eq!(things.count_documents(doc! {}).await.unwrap(), 2, "{output:?}");

    // It uses the name that ours has by default.
    let error = fresh.migrator(NAMED_AS_THEIRS).import(Tool::MongodbMigrator).await.unwrap_err();
    assert!(error.to_string().contains("control collection of mongrate as well"), "{error}");
    let migrator = fresh.migrator(NAMED_AS_THEIRS).collection("mongrate");
    let report = migrator.import(Tool::MongodbMigrator).await.unwrap();
    // The one that failed is to run.
    assert_eq!(versions(&report), [1, 2]);
    assert!(report.imported.iter().all(|imported| imported.applied_at.is_some()), "{report:?}");
    assert!(report.unmatched.is_empty(), "{report:?}");
    assert_eq!(migrator.status().await.unwrap().pending, 2);
    fresh.pass().await;
}

/// As its documentation has them: <https://docs.mongock.io>, "Change entry".
#[tokio::test]
async fn what_mongock_documents_is_taken_over() {
    let fresh = TestDb::new("from_mongock").await;
    let entry = |id: &str, state: &str, own: bool| {
        doc! {
            "executionId": "2024-01-02T10:00:00.1-7", "changeId": id, "author": "anna",
            "timestamp": DateTime::from_millis(1_704_189_600_000), "state": state,
            "type": "EXECUTION", "changeLogClass": "shop.changes.X", "changeSetMethod": "execute",
            "executionMillis": 12_i64, "executionHostname": "build", "errorTrace": null,
            "systemChange": own,
        }
    };
    let entries = [
        entry("system-change-00001", "EXECUTED", true),
        entry("add-users", "EXECUTED", false),
        entry("index-users", "ROLLED_BACK", false),
    ];
    let theirs = fresh.db.collection::<Document>("mongockChangeLog");
    theirs.insert_many(entries).write_concern(WriteConcern::majority()).await.unwrap();
    let report = fresh.migrator(OURS).import(Tool::Mongock).await.unwrap();
    assert_eq!(versions(&report), [1]);
    fresh.pass().await;
}

/// As its driver for MongoDB has it: one document, the last version, `dirty`.
#[tokio::test]
async fn what_golang_migrate_documents_is_taken_over() {
    let fresh = TestDb::new("from_golang").await;
    let theirs = fresh.db.collection::<Document>("applied");
    let dirty = theirs.insert_one(doc! { "version": 30_i64, "dirty": true });
    dirty.write_concern(WriteConcern::majority()).await.unwrap();
    let migrator = fresh.migrator(OURS);
    let error = migrator.import(Tool::GolangMigrate).await.unwrap_err();
    assert!(error.to_string().contains("it is empty, or not there"), "{error}");
    let error = migrator.import(Tool::GolangMigrate).collection("applied").await.unwrap_err();
    assert!(error.to_string().contains("`dirty`"), "{error}");
    // What is read is what a majority has; up to 4.4 that is not the default of a write.
    let mended = theirs.update_one(doc! {}, doc! { "$set": { "dirty": false } });
    mended.write_concern(WriteConcern::majority()).await.unwrap();
    let report = migrator.import(Tool::GolangMigrate).collection("applied").await.unwrap();
    assert_eq!(versions(&report), [1, 30]);
    assert_eq!(migrator.status().await.unwrap().pending, 1);
    fresh.pass().await;
}

#[tokio::test]
async fn the_command_line_shows_and_records() {
    let fresh = TestDb::new("import_cli").await;
    let theirs = fresh.db.collection::<Document>("changelog");
    for name in ["20230101-add-users.js", "20230102-whatever.js"] {
        let entry = theirs.insert_one(doc! { "fileName": name, "appliedAt": DateTime::now() });
        entry.write_concern(WriteConcern::majority()).await.unwrap();
    }
    let app = mongrate_tests::app::App { exe: env!("CARGO_BIN_EXE_two_crates"), fresh: &fresh };
    let import = ["import", "--from", "migrate-mongo"];
    let shown = app.run(&[&import[..], &["--dry-run"]].concat());
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.contains("+ 1 add_users · 20230101-add-users.js"), "{text}");
    assert!(text.contains("? 20230102-whatever.js matches no migration"), "{text}");
    let refused = app.run(&[&import[..], &["--yes", "--json"]].concat());
    assert_eq!(refused.status.code(), Some(65), "{refused:?}");
    let error: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(error["error"]["code"], "import");
    let place = tempfile::tempdir().unwrap();
    let mapping = place.path().join("mapping.json");
    let with_mapping = |text: &str| {
        std::fs::write(&mapping, text).unwrap();
        let path = mapping.to_str().unwrap();
        app.run(&[&import[..], &["--yes", "--json", "--mapping", path]].concat())
    };
    assert_eq!(with_mapping("[]").status.code(), Some(64));
    let done = with_mapping(r#"{ "20230102-whatever.js": null }"#);
    assert!(done.status.success(), "{done:?}");
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&report["imported"][0]["version"], &report["written"]), (&1.into(), &true.into()));
    assert_eq!(app.applies(), ["2 add_invoices", "3 add_plans"]);
    fresh.pass().await;
}
