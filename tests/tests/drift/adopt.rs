//! `drift --adopt` writes a migration, and changes `models.snap`; afterwards there is no drift.

use std::{fs, path::Path, process::ExitCode};

use mongrate::{
    Migration, Migrator,
    bson::doc,
    cli::{Cli, clap},
};
use mongrate_tests::TestDb;

use super::{MODELS, SCHEMA, drift, migrated, shell, told};

/// The migration that the test expects, compiled.
const ADOPTED: &str = include_str!("adopted.rs");

/// A package with one migration and a `models.snap`.
fn package(snapshot: &str) -> tempfile::TempDir {
    let package = tempfile::tempdir().unwrap();
    let migrations = package.path().join("src/migrations");
    fs::create_dir_all(&migrations).unwrap();
    fs::write(package.path().join("Cargo.toml"), "[package]\nname = \"shop\"\n").unwrap();
    fs::write(package.path().join("models.snap"), snapshot).unwrap();
    fs::write(migrations.join("mod.rs"), "mod m0001_schema;\n").unwrap();
    fs::write(migrations.join("m0001_schema.rs"), "").unwrap();
    package
}

#[derive(clap::Parser)]
struct Shop {
    #[command(flatten)]
    args: mongrate::cli::CliArgs,
    #[command(subcommand)]
    verb: mongrate::cli::Command,
}

/// Runs the command line in the package.
async fn cli(fresh: &TestDb, package: &Path, arguments: &[&str]) -> ExitCode {
    let mut cli = Cli::new()
        .migrations_dir(package.join("src/migrations"))
        .configure(|migrator| Migrator::with(migrator.database(), [SCHEMA]).models(MODELS));
    let mut all = vec!["shop", "--uri", &fresh.uri, "--database", fresh.db.name()];
    all.extend(arguments);
    let shop: Shop = cli.parse_from(all).unwrap();
    shop.verb.execute(&cli, &shop.args).await
}

#[tokio::test]
async fn what_is_adopted_is_no_drift_here_and_on_an_empty_server() {
    let (fresh, migrator) = migrated("drift_adopt").await;
    for command in [
        doc! { "dropIndexes": "users", "index": ["email_1", "by_city"] },
        doc! { "createIndexes": "users", "indexes": [
            { "key": { "plan": 1, "age": -1 }, "name": "hotfix", "sparse": true },
            { "key": { "ends": 1 }, "name": "ends_1", "expireAfterSeconds": 60 },
            { "key": { "address.city": 1, "email": -1 }, "name": "by_city", "unique": true },
        ] },
        doc! { "collMod": "users", "validationLevel": "strict", "validationAction": "warn" },
        doc! { "create": "imported", "capped": true, "size": 4_096,
        "validator": { "$jsonSchema": { "required": ["a"] } } },
        doc! { "createIndexes": "imported", "indexes": [{ "key": { "a": 1 }, "name": "a_1" }] },
    ] {
        fresh.db.run_command(command).await.unwrap();
    }
    let package = package(MODELS);
    let adopt = ["drift", "--adopt", "Adopt hotfix"];
    assert_eq!(cli(&fresh, package.path(), &adopt).await, ExitCode::SUCCESS);
    let written = package.path().join("src/migrations/m0002_adopt_hotfix.rs");
    assert_eq!(fs::read_to_string(written).unwrap(), ADOPTED);
    let declared = fs::read_to_string(package.path().join("src/migrations/mod.rs")).unwrap();
    assert_eq!(declared, "mod m0001_schema;\nmod m0002_adopt_hotfix;\n");
    let models = fs::read_to_string(package.path().join("models.snap")).unwrap();
    let expected = MODELS.replace("moderate/error", "strict/warn").replace(
        "users index email_1 {\"key\":{\"email\":1},\"unique\":true}\n",
        "users index ends_1 {\"key\":{\"ends\":1},\"expireAfterSeconds\":60}\n\
             users index hotfix {\"key\":{\"plan\":1,\"age\":-1},\"sparse\":true}\n",
    );
    assert_eq!(models, expected);

    // The migration does nothing where everything is as it declares.
    let adopted = Migration::linked();
    let all = || [SCHEMA].into_iter().chain(adopted.iter().copied());
    let after = fresh.migrator(all()).models(&*models);
    assert_eq!(after.drift().await.unwrap().pending.len(), 1);
    after.up().await.unwrap();
    let report = after.drift().await.unwrap();
    assert_eq!(told(&report).len(), 1, "what no migration can declare stays: {:?}", told(&report));
    assert!(told(&report)[0].starts_with("index_changed users/by_city: "));
    for command in &report.differences[0].shell {
        shell::run(&fresh.db, command).await;
    }
    assert!(after.drift().await.unwrap().is_clean());

    let empty = TestDb::new("drift_adopt_empty").await;
    let there = empty.migrator(all()).models(&*models);
    there.up().await.unwrap();
    assert_eq!(told(&there.drift().await.unwrap()), [""; 0]);
    there.down().await.unwrap();
    assert_eq!(told(&there.models(MODELS).drift().await.unwrap()), [""; 0], "and it can be undone");
    assert!(
        !drift(&migrator).await.is_clean(),
        "a build without the migration sees the difference"
    );
    empty.pass().await;
    fresh.pass().await;
}

#[tokio::test]
async fn nothing_is_written_when_nothing_can_be_adopted() {
    let (fresh, _) = migrated("drift_adopt_nothing").await;
    let package = package(MODELS);
    let files = || {
        let files = fs::read_dir(package.path().join("src/migrations")).unwrap();
        (files.count(), fs::read_to_string(package.path().join("models.snap")).unwrap())
    };
    let before = files();
    for (arguments, code) in [
        (["drift", "--adopt", "nothing to do"], 0),
        (["drift", "--adopt", "a/b"], 64),
        (["drift", "--adopt", "schema"], 0),
    ] {
        let ended = cli(&fresh, package.path(), &arguments).await;
        assert_eq!(ended, ExitCode::from(code), "{arguments:?}");
        assert_eq!(files(), before, "{arguments:?}");
    }
    fresh.db.create_collection("imported").await.unwrap();
    // A taken name, and a file that cannot be read.
    let ended = cli(&fresh, package.path(), &["drift", "--adopt", "schema"]).await;
    assert_eq!(ended, ExitCode::from(64));
    assert_eq!(files(), before);
    fs::write(package.path().join("models.snap"), "<<<<<<< ours\n").unwrap();
    let ended = cli(&fresh, package.path(), &["drift", "--adopt", "imported"]).await;
    assert_eq!(ended, ExitCode::from(70));
    assert_eq!(files().0, before.0);
    // A database that is behind is brought up to date first.
    fs::write(package.path().join("models.snap"), MODELS).unwrap();
    let empty = TestDb::new("drift_adopt_pending").await;
    let ended = cli(&empty, package.path(), &["drift", "--adopt", "imported"]).await;
    assert_eq!(ended, ExitCode::from(3));
    assert_eq!(files(), before);
    empty.pass().await;
    fresh.pass().await;
}

#[tokio::test]
async fn strict_decides_the_exit_code() {
    let (fresh, _) = migrated("drift_strict").await;
    let package = package(MODELS);
    let ended = async |arguments: &[&str]| cli(&fresh, package.path(), arguments).await;
    assert_eq!(ended(&["drift", "--strict"]).await, ExitCode::SUCCESS);
    fresh.db.create_collection("imported").await.unwrap();
    assert_eq!(ended(&["drift"]).await, ExitCode::SUCCESS);
    assert_eq!(ended(&["drift", "--strict", "--json"]).await, ExitCode::from(65));
    assert_eq!(ended(&["drift", "--strict", "--ignore", "imp*"]).await, ExitCode::SUCCESS);
    fresh.db.collection("notes").insert_one(doc! { "text": 7 }).await.unwrap();
    let sampled = ["drift", "--strict", "--ignore", "imp*", "--sample", "10"];
    assert_eq!(ended(&sampled).await, ExitCode::from(65));
    let empty = TestDb::new("drift_strict_pending").await;
    assert_eq!(cli(&empty, package.path(), &["drift", "--strict"]).await, ExitCode::from(3));
    empty.pass().await;
    fresh.pass().await;
}
