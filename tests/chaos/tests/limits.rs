//! Where resources end: a full disk, a long history, a big transaction, a slow one. Each is a
//! success, or an error that says what to do.

use std::{path::Path, process::Command, time::Duration};

use mongrate::{
    Kind, Migration, Migrator, Retries,
    bson::{Document, doc},
    embedded::Embedded,
    mongodb::{Client, Database, options::ClientOptions},
};
use mongrate_chaos::{
    app::End,
    child::{Next, Orders, Runner},
    history::History,
    point::Count,
};
use mongrate_tests::{effect, effects};

/// Fifty megabytes are copied a few times on their way, the rest is the program.
const MEMORY_BYTES_MAX: u64 = 160 << 20;

async fn database(uri: &str) -> Database {
    let mut options = ClientOptions::parse(uri).await.unwrap();
    options.server_selection_timeout = Some(Duration::from_secs(3));
    Client::with_options(options).unwrap().database("limits")
}

fn migrator(db: &Database, history: &str) -> Migrator {
    let history = History::named(history).unwrap();
    Migrator::with(db, (history.migrations)()).lease(Duration::from_secs(5))
}

/// A process of its own, as its memory is looked at.
async fn run(uri: &str, history: &str) -> End {
    let orders = Orders {
        exe: env!("CARGO_BIN_EXE_chaos-runner").into(),
        mutant: None,
        uri: uri.to_owned(),
        database: "limits".to_owned(),
        history: history.to_owned(),
        verb: "up".to_owned(),
        lease: Duration::from_secs(5),
        lease_only: false,
        point: None,
        count: Count::All,
        env: Vec::new(),
    };
    match Runner::start(&orders).unwrap().next(Duration::from_secs(300)).await {
        Next::Ended(end) => end,
        other => panic!("{other:?}"),
    }
}

/// How much memory the server may use.
async fn cache(db: &Database, size: &str) {
    let size = format!("cache_size={size}");
    let set = doc! { "setParameter": 1, "wiredTigerEngineRuntimeConfig": size };
    db.client().database("admin").run_command(set).await.unwrap();
}

async fn count(db: &Database, collection: &str) -> u64 {
    db.collection::<Document>(collection).count_documents(doc! {}).await.unwrap()
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

    /// Writes until nothing goes in any more.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.path().join("ballast")).unwrap();
        let piece = vec![7_u8; 1 << 16];
        while std::io::Write::write_all(&mut file, &piece).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.path().join("ballast")).unwrap();
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
    let Some(small) = Small::mount(800) else {
        eprintln!("\n*** NOT RUN: a small disk cannot be mounted here (it takes root) ***\n");
        return;
    };
    let data = small.path().join("data");
    let server = Embedded::builder().data_dir(&data).quiet(true).start().await.unwrap();
    let db = database(server.uri()).await;
    cache(&db, "1G").await;
    migrator(&db, "big").up().steps(1).await.unwrap();
    // The server keeps 100 MB of journal ahead: that goes first, with what is not Mongrate's.
    let other = db.collection::<Document>("other");
    let text = "x".repeat(8 << 20);
    small.fill();
    for _ in 0..6 {
        let _ =
            tokio::time::timeout(Duration::from_secs(5), other.insert_one(doc! { "text": &text }))
                .await;
    }

    let retries = Retries::new().attempts_max(2).pause_max(Duration::from_millis(50));
    let error = migrator(&db, "big").retries(retries).up().await.unwrap_err();
    println!("with a full disk: {error}");
    // The server ends itself when it cannot write its journal.
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");

    small.make_room();
    drop(server);
    let server = Embedded::builder().data_dir(&data).quiet(true).start().await.unwrap();
    let db = database(server.uri()).await;
    cache(&db, "1G").await;
    let applied = doc! { "_id": 2_i64, "state": "applied" };
    let found = db.collection::<Document>("migrations").find_one(applied).await.unwrap();
    let whole = if found.is_some() { (2, 50) } else { (1, 0) };
    let there = (count(&db, "effects").await, count(&db, "big").await);
    assert!(there == whole || there.0 == 3, "half-applied: {there:?}, and not {whole:?}");
    // What it says at the end of the error: the lease of the dead run has to run out first.
    migrator(&db, "big").up().await.unwrap();
    assert_eq!((count(&db, "effects").await, count(&db, "big").await), (3, 50));
    server.stop().await;
}

#[tokio::test]
async fn fifty_megabytes_in_one_transaction() {
    let server = Embedded::builder().private().quiet(true).start().await.unwrap();
    let db = database(server.uri()).await;
    cache(&db, "2G").await;
    let end = run(server.uri(), "big").await;
    assert_eq!(end.error, None);
    assert_eq!(end.done, [1, 2, 3]);
    assert_eq!((count(&db, "effects").await, count(&db, "big").await), (3, 50));
    println!("50 MB of writes: at most {} MB of memory", end.memory >> 20);
    assert!(end.memory < MEMORY_BYTES_MAX, "memory is bounded: {}", end.memory);
    server.stop().await;
}

/// The server refuses a transaction that does not fit only if it has to write out of the cache at
/// the wrong moment: the same one passes as often. Either way it is whole.
#[tokio::test]
async fn more_than_the_cache_of_the_server_is_a_success_or_names_the_remedy() {
    const TRIES_MAX: u32 = 30;
    let server = Embedded::builder().private().quiet(true).start().await.unwrap();
    let db = database(server.uri()).await;
    cache(&db, "32M").await;
    for tried in 1..=TRIES_MAX {
        let outcome = migrator(&db, "big").up().await;
        let there = (count(&db, "effects").await, count(&db, "big").await);
        if let Err(error) = outcome {
            assert_eq!(error.kind(), Kind::Failed, "{error}");
            assert!(error.to_string().contains("write an online migration"), "{error}");
            assert_eq!(there, (1, 0), "half-applied");
            println!("more than the cache: refused the {tried}. time");
            return server.stop().await;
        }
        assert_eq!(there, (3, 50), "half-applied");
        db.drop().await.unwrap();
    }
    server.stop().await;
    eprintln!("\n*** NOT SEEN: the server took it {TRIES_MAX} times; see `--test recipes` ***\n");
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
    let retries = Retries::new().attempts_max(3).pause_max(Duration::from_millis(50));
    let migrator = Migrator::with(&db, [effect!(1), SLOW, effect!(3)]).retries(retries);
    let error = migrator.up().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Failed, "{error}");
    assert!(error.to_string().contains("write an online migration"), "{error}");
    assert_eq!(effects::present(&db).await, [1], "nothing of the second");
    server.stop().await;
}

#[tokio::test]
async fn a_history_of_ten_thousand() {
    let server = Embedded::builder().private().quiet(true).start().await.unwrap();
    let db = database(server.uri()).await;
    migrator(&db, "many").baseline(9_990).await.unwrap();
    let end = run(server.uri(), "many").await;
    assert_eq!((end.error, end.done.len()), (None, 10));
    println!("10,000 in the history: at most {} MB of memory", end.memory >> 20);
    assert!(end.memory < MEMORY_BYTES_MAX, "memory is bounded: {}", end.memory);
    let end = run(server.uri(), "many").await;
    assert_eq!((end.error, end.commands), (None, 1), "a start with nothing pending is one command");
    assert_eq!(migrator(&db, "many").status().await.unwrap().migrations.len(), 10_000);
    server.stop().await;
}
