//! Where resources end: a full disk, a long history, a big transaction, a slow one. Each is a
//! success, or an error that says what to do.

use std::{path::Path, process::Command, time::Duration};

use mongrate::{
    BoxError, Kind, Migration, Migrator, Retries, Transaction,
    bson::{Binary, Document, doc, spec::BinarySubtype},
    embedded::Embedded,
    mongodb::{Client, Database, options::ClientOptions},
};
use mongrate_tests::{Fresh, effect, effects};

async fn database(uri: &str) -> Database {
    let mut options = ClientOptions::parse(uri).await.unwrap();
    options.server_selection_timeout = Some(Duration::from_secs(3));
    Client::with_options(options).unwrap().database("limits")
}

fn megabyte() -> Binary {
    // What does not compress: the disk is to be filled, and the oplog.
    let bytes = std::iter::repeat_with(|| fastrand::u8(..)).take(1 << 20).collect();
    Binary { subtype: BinarySubtype::Generic, bytes }
}

async fn insert(tx: &mut Transaction<'_>, megabytes: i32) -> Result<(), BoxError> {
    effects::leave(tx, 2).await?;
    for number in 0..megabytes {
        let big = doc! { "number": number, "bytes": megabyte() };
        tx.collection::<Document>("big").insert_one(big).await?;
    }
    Ok(())
}

/// Fifty megabytes in one transaction.
const FIFTY_MEGABYTES: Migration =
    Migration::transactional(2, "effect_2", |tx| Box::pin(insert(tx, 50)));

/// Five.
const FIVE_MEGABYTES: Migration =
    Migration::transactional(2, "effect_2", |tx| Box::pin(insert(tx, 5)));

/// How much memory the server may use.
async fn cache(db: &Database, size: &str) {
    let set =
        doc! { "setParameter": 1, "wiredTigerEngineRuntimeConfig": format!("cache_size={size}") };
    db.client().database("admin").run_command(set).await.unwrap();
}

/// The most memory that this process ever had, in bytes; `None` where that cannot be asked.
fn memory_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kb| kb * 1_024)
}

/// A tmpfs, unmounted when dropped. Mounting takes root.
struct Small(tempfile::TempDir);

impl Small {
    fn mount(megabytes: u32) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path());
        mount.status().is_ok_and(|status| status.success()).then(|| Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn free_bytes(&self) -> u64 {
        let stat = rustix::fs::statvfs(self.path()).unwrap();
        stat.f_bavail * stat.f_frsize
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_a_clear_error_and_nothing_is_half_applied() {
    let Some(small) = Small::mount(700) else {
        eprintln!("\n*** NOT RUN: a small disk cannot be mounted here (it takes root) ***\n");
        return;
    };
    let server = Embedded::builder().data_dir(small.path().join("data")).quiet(true);
    let server = server.start().await.unwrap();
    let db = database(server.uri()).await;
    let three = [effect!(1), FIVE_MEGABYTES, effect!(3)];
    let migrator = Migrator::with(&db, three)
        .lease(Duration::from_secs(1))
        .retries(Retries { attempts_max: 2, pause_max: Duration::from_millis(50) });
    migrator.up().steps(1).await.unwrap();
    // All but 2 MB are taken by somebody else.
    let ballast = small.path().join("ballast");
    let size = usize::try_from(small.free_bytes().saturating_sub(2 << 20)).unwrap();
    std::fs::write(&ballast, vec![7_u8; size]).unwrap();

    let error = migrator.up().await.unwrap_err();
    println!("with a full disk: {error}");
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");

    std::fs::remove_file(&ballast).unwrap();
    // The server ends itself when it cannot write its journal.
    if server.node_pid(0).is_some() {
        server.kill_node(0).await.unwrap();
    }
    server.restart_node(0).await.unwrap();
    let before = effects::present(&db).await;
    assert_eq!(before, [1], "nothing of the second");
    let big = db.collection::<Document>("big").count_documents(doc! {}).await.unwrap();
    assert_eq!(big, 0, "nothing half-applied");
    migrator.up().await.unwrap();
    effects::assert_exactly_once(&db, 1..=3).await;
    server.stop().await;
}

#[tokio::test]
async fn fifty_megabytes_in_one_transaction() {
    let server = Embedded::builder().private().quiet(true);
    let server = server.start().await.unwrap();
    let db = database(server.uri()).await;
    cache(&db, "2G").await;
    Migrator::with(&db, [effect!(1), FIFTY_MEGABYTES, effect!(3)]).up().await.unwrap();
    effects::assert_exactly_once(&db, 1..=3).await;
    let big = db.collection::<Document>("big").count_documents(doc! {}).await.unwrap();
    assert_eq!(big, 50);
    if let Some(bytes) = memory_peak() {
        println!("at most {} MB", bytes >> 20);
        assert!(bytes < 512 << 20, "memory is bounded: {bytes}");
    }
    server.stop().await;
}

#[tokio::test]
async fn more_than_the_cache_of_the_server_names_the_remedy() {
    let server = Embedded::builder().private().quiet(true);
    let server = server.start().await.unwrap();
    let db = database(server.uri()).await;
    cache(&db, "64M").await;
    let migrator = Migrator::with(&db, [effect!(1), FIFTY_MEGABYTES, effect!(3)]);
    let error = migrator.up().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Failed, "{error}");
    assert!(error.to_string().contains("write an online migration"), "{error}");
    assert_eq!(effects::present(&db).await, [1], "nothing of the second");
    server.stop().await;
}

#[tokio::test]
async fn a_migration_that_outlives_the_servers_transactions_names_the_remedy() {
    const SLOW: Migration = Migration::transactional(2, "effect_2", |tx| {
        Box::pin(async move {
            effects::leave(tx, 2).await?;
            tokio::time::sleep(Duration::from_secs(4)).await;
            tx.collection::<Document>("big").insert_one(doc! {}).await?;
            Ok(())
        })
    });
    let server = Embedded::builder().private().quiet(true);
    let server = server.server_parameter("transactionLifetimeLimitSeconds", 1);
    let server = server.start().await.unwrap();
    let db = database(server.uri()).await;
    let migrator = Migrator::with(&db, [effect!(1), SLOW, effect!(3)]);
    let error = migrator.up().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Failed, "{error}");
    assert!(error.to_string().contains("write an online migration"), "{error}");
    assert_eq!(effects::present(&db).await, [1], "nothing of the second");
    server.stop().await;
}

#[tokio::test]
async fn a_history_of_ten_thousand() {
    const MANY: i64 = 10_000;
    let fresh = Fresh::new("ten_thousand").await;
    let list: Vec<Migration> = (1..=MANY)
        .map(|version| {
            let name = String::leak(format!("migration_{version}"));
            Migration::transactional(version, name, |_| Box::pin(async { Ok(()) }))
        })
        .collect();
    let migrator = fresh.migrator(list);
    migrator.baseline(MANY - 10).await.unwrap();
    let report = migrator.up().await.unwrap();
    assert_eq!(report.done().count(), 10);
    fresh.wire.take();
    assert!(migrator.up().await.unwrap().is_empty());
    assert_eq!(fresh.wire.take(), ["find"], "a start with nothing pending is one command");
    let status = migrator.status().await.unwrap();
    assert_eq!(status.migrations.len(), 10_000);
    if let Some(bytes) = memory_peak() {
        assert!(bytes < 512 << 20, "memory is bounded: {bytes}");
    }
    fresh.pass().await;
}
